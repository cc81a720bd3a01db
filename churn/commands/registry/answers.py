"""Answers of `churn registry`, for people and as JSON."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from churn.cli import DONE, FOUND
from churn.errors import RegistryError
from churn.registry import Registry
from churn.registry.model_comparison import compare_models, comparison_text
from churn.registry.reports import stored_document, stored_page, write_page
from churn.registry.table import Text, facts_text, models_text, render
from churn.settings import read_settings


class Answer(NamedTuple):
    """What a command found: for scripts, for people, and its exit code."""

    value: object
    shown: str | Text
    code: int = DONE


def give(ask: Callable[[Registry], Answer], *, as_json: bool) -> int:
    """Print an answer; returns its exit code.

    Args:
        ask: a question to the registry under CHURN_HOME.
        as_json: whether to print it for scripts.

    """
    settings = read_settings()
    answer = ask(Registry(settings.home, settings.model_key, settings.model_name))
    if as_json:
        sys.stdout.write(f"{json.dumps(answer.value, indent=1)}\n")
    elif isinstance(answer.shown, str):
        sys.stdout.write(f"{answer.shown}\n")
    else:
        render(answer.shown)
    return answer.code


def listed(registry: Registry) -> Answer:
    """All models, and which is the current one."""
    entries = [(entry, registry.archive_state(entry)) for entry in registry.entries()]
    current = _current_or_none(registry)
    shown = models_text(entries, current) if entries else "no model was saved yet; `churn train` saves one"
    models = [entry.raw | {"archive": archive} for entry, archive in entries]
    return Answer({"current": current, "models": models}, shown)


def shown(registry: Registry, tag: str | None, html: Path | None) -> Answer:
    """What is known of a model, None being the current one; its report is written to `html`."""
    entry = registry.entry(registry.current() if tag is None else tag)
    state = {"archive": registry.archive_state(entry), "current": entry.tag == _current_or_none(registry)}
    facts = entry.raw | state
    if html is not None:
        write_page(html, stored_page(registry, entry.tag))
    return Answer(facts, facts_text(facts))


def compared(registry: Registry, first: str, second: str, html: Path | None) -> Answer:
    """Two models side by side; their reports are written to `html`."""
    one, other = registry.entry(first), registry.entry(second)
    if html is not None:
        from churn.model_report.page import render_comparison

        documents = stored_document(registry, one.tag), stored_document(registry, other.tag)
        write_page(html, render_comparison(*documents))
    return Answer(compare_models(one, other), comparison_text(one, other))


def promoted(registry: Registry, tag: str, reason: str, schema_change: str | None) -> Answer:
    """A model put in service, also one that the gate refused where there is a reason."""
    if not registry.entry(tag).passed_gate and not reason:
        raise RegistryError(f"the gate refused {tag}; say why it is to be served all the same: --reason TEXT")
    with registry.writing() as writer:
        promotion = writer.promote(tag, reason, schema_change=schema_change)
    shown = f"current model: {tag} (before: {promotion['from'] or 'none'})" if promotion else None
    return Answer({"current": tag, "promotion": promotion}, shown or f"{tag} is the current model already")


def rolled_back(registry: Registry, reason: str, schema_change: str | None) -> Answer:
    """The model before the current one put in service again."""
    with registry.writing() as writer:
        promotion = writer.rollback(reason, schema_change=schema_change)
    shown = f"current model: {promotion['to']} (before: {promotion['from']})"
    return Answer({"current": promotion["to"], "promotion": promotion}, shown)


def verified(registry: Registry) -> Answer:
    """What is not as recorded."""
    findings = registry.verify()
    value = {"ok": not findings, "findings": [finding._asdict() for finding in findings]}
    shown = "\n".join(str(finding) for finding in findings) or "all is as recorded"
    return Answer(value, shown, FOUND if findings else DONE)


def pruned(registry: Registry, keep: int) -> Answer:
    """Models that were removed, all but so many of the newest."""
    with registry.writing() as writer:
        removed = writer.prune(keep)
    return Answer({"removed": removed}, f"removed: {', '.join(removed) or 'nothing'}")


def _current_or_none(registry: Registry) -> str | None:
    try:
        return registry.current()
    except RegistryError:
        return None
