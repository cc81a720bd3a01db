"""Command line of the registry, `python -m churn.registry`: list, show, compare, promote, rollback, verify, prune.

Exit codes: 0 done; 2 bad usage, unknown model, one that cannot be served, registry unusable; 3 `verify` found
something wrong, or a schema change was not accepted; 1 only for a crash.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from churn.cli import DONE, FOUND, add_version, reason, run_command, whole_number
from churn.errors import RegistryError
from churn.registry import Registry
from churn.registry.model_comparison import compare_models, comparison_text
from churn.registry.reports import stored_document, stored_page, write_page
from churn.registry.table import Text, facts_text, models_text, render
from churn.settings import read_settings

INTERRUPTED = "interrupted; `verify` says whether anything is left over"


class Answer(NamedTuple):
    """What a command found: for scripts, for people, and its exit code."""

    value: object
    shown: str | Text
    code: int = DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parse(arguments)
    return run_command("churn.registry", lambda: _run(options), INTERRUPTED)


def _run(options: argparse.Namespace) -> int:
    settings = read_settings()
    answer: Answer = options.run(Registry(settings.home, settings.model_key, settings.model_name), options)
    if options.json:
        sys.stdout.write(f"{json.dumps(answer.value, indent=1)}\n")
    elif isinstance(answer.shown, str):
        sys.stdout.write(f"{answer.shown}\n")
    else:
        render(answer.shown)
    return answer.code


def _list(registry: Registry, _: argparse.Namespace) -> Answer:
    entries = [(entry, registry.archive_state(entry)) for entry in registry.entries()]
    current = _current_or_none(registry)
    shown = models_text(entries, current) if entries else "no model was saved yet; `python train.py` saves one"
    models = [entry.raw | {"archive": archive} for entry, archive in entries]
    return Answer({"current": current, "models": models}, shown)


def _show(registry: Registry, options: argparse.Namespace) -> Answer:
    entry = registry.entry(registry.current() if options.tag is None else options.tag)
    state = {"archive": registry.archive_state(entry), "current": entry.tag == _current_or_none(registry)}
    facts = entry.raw | state
    if options.html is not None:
        write_page(options.html, stored_page(registry, entry.tag))
    return Answer(facts, facts_text(facts))


def _compare(registry: Registry, options: argparse.Namespace) -> Answer:
    first, second = registry.entry(options.first), registry.entry(options.second)
    if options.html is not None:
        from churn.model_report.page import render_comparison  # noqa: PLC0415 - no other command draws

        documents = stored_document(registry, first.tag), stored_document(registry, second.tag)
        write_page(options.html, render_comparison(*documents))
    return Answer(compare_models(first, second), comparison_text(first, second))


def _promote(registry: Registry, options: argparse.Namespace) -> Answer:
    if not registry.entry(options.tag).passed_gate and not options.reason:
        raise RegistryError(f"the gate refused {options.tag}; say why it is to be served all the same: --reason TEXT")
    with registry.writing() as writer:
        promotion = writer.promote(options.tag, options.reason, schema_change=options.accept_schema_change)
    shown = f"current model: {options.tag} (before: {promotion['from'] or 'none'})" if promotion else None
    return Answer(
        {"current": options.tag, "promotion": promotion}, shown or f"{options.tag} is the current model already"
    )


def _rollback(registry: Registry, options: argparse.Namespace) -> Answer:
    with registry.writing() as writer:
        promotion = writer.rollback(options.reason, schema_change=options.accept_schema_change)
    shown = f"current model: {promotion['to']} (before: {promotion['from']})"
    return Answer({"current": promotion["to"], "promotion": promotion}, shown)


def _verify(registry: Registry, _: argparse.Namespace) -> Answer:
    findings = registry.verify()
    value = {"ok": not findings, "findings": [finding._asdict() for finding in findings]}
    shown = "\n".join(str(finding) for finding in findings) or "all is as recorded"
    return Answer(value, shown, FOUND if findings else DONE)


def _prune(registry: Registry, options: argparse.Namespace) -> Answer:
    with registry.writing() as writer:
        removed = writer.prune(options.keep)
    return Answer({"removed": removed}, f"removed: {', '.join(removed) or 'nothing'}")


def _current_or_none(registry: Registry) -> str | None:
    try:
        return registry.current()
    except RegistryError:
        return None


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print JSON, for scripts")
    parser = argparse.ArgumentParser(
        prog="python -m churn.registry",
        description="List the models under CHURN_HOME, and choose the one to serve.",
        epilog="exit codes: 0 done, 2 bad usage, unknown model, one that cannot be served, or registry unusable, "
        "3 verify found something wrong, or a schema change was not accepted, 1 crash",
    )
    add_version(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, parents=[shared], help=text, description=text)
        added.set_defaults(run=run)
        return added

    command("list", _list, "the models, oldest first; * is the current one")
    show = command("show", _show, "what is known of a model")
    show.add_argument("tag", nargs="?", metavar="TAG", help="name:version (default: the current model)")
    compare = command("compare", _compare, "the facts and metrics of two models side by side")
    compare.add_argument("first", metavar="A", help="name:version")
    compare.add_argument("second", metavar="B", help="name:version; differences are B - A")
    for showing, page in ((show, "its report"), (compare, "their reports side by side")):
        showing.add_argument("--html", type=Path, metavar="FILE", help=f"write {page} as one HTML page too")
    promote = command("promote", _promote, "serve this model; services follow within CHURN_POLL_SECONDS")
    promote.add_argument("tag", metavar="TAG", help="name:version")
    rollback = command("rollback", _rollback, "serve again what was served before; again and again")
    for changing in (promote, rollback):
        changing.add_argument("--reason", default="", metavar="TEXT", help="why; kept in the history")
        changing.add_argument(
            "--accept-schema-change", type=reason, metavar="REASON",
            help="serve it although it refuses requests that the current model accepts; the reason is recorded",
        )  # fmt: skip
    command("verify", _verify, "re-check digests, metadata, pointer, history, and whether each model can be served")
    prune = command("prune", _prune, "remove old models, never the current one, the one before it, or one being read")
    prune.add_argument("--keep", type=whole_number(), required=True, metavar="N", help="how many of the newest stay")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
