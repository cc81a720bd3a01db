"""Text form of models: one row each, or all facts of one, for the width of a terminal or, in a pipe, for any."""

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console

from churn.registry.entry import ModelEntry
from churn.schema.json_text import Json
from churn.text_layout import facts, hanging_table

type Text = Callable[[float], Sequence[str]]
"""Text as a function of the width that it has to keep to: its paragraphs, each of one or more lines."""

_HEADER = ("  model", "trained (UTC)", "rows", "F1", "AUC", "loss", "gate", "archive")
_MINUTES = len("2026-11-28T01:03")


def models_text(entries: Sequence[tuple[ModelEntry, str]], current: str | None) -> Text:
    """One row a model and the state of its archive; a tag that is too long for it has a line of its own."""
    rows = [_HEADER, *(_model_row(entry, archive, current) for entry, archive in entries)]
    return lambda width: hanging_table(rows, width)


def facts_text(known: Mapping[str, Any]) -> Text:
    """One line a fact; what is inside an object becomes `outer.inner`, and each object of a list has its own line."""
    return lambda width: facts(_flat("", known), width)


def render(text: Text) -> None:
    """Print to standard output; at a terminal the header and the current model stand out."""
    if not sys.stdout.isatty():
        sys.stdout.write("".join(f"{paragraph}\n" for paragraph in text(math.inf)))
        return
    console = Console()
    for paragraph in text(console.width):
        style = "bold green" if paragraph.startswith("* ") else "bold" if paragraph.startswith("  model ") else None
        console.print(paragraph, style=style, markup=False, highlight=False, emoji=False, soft_wrap=True)


def moment(text: str) -> str:
    """A recorded time to the minute."""
    return text[:_MINUTES].replace("T", " ")


def _model_row(entry: ModelEntry, archive: str, current: str | None) -> list[str]:
    return [
        f"{'*' if entry.tag == current else ' '} {entry.tag}",
        moment(entry.trained_at),
        str(entry.raw.get("rows", "")),
        *(_figure(entry.metrics.get(name)) for name in ("f1", "roc_auc", "log_loss")),
        "passed" if entry.passed_gate else "refused",
        archive.upper() if archive == "missing" else archive,
    ]


def _figure(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, int | float) else ""


def _flat(prefix: str, value: Json) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [row for key, item in value.items() for row in _flat(f"{prefix}.{key}" if prefix else str(key), item)]
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        return [(prefix, _object(item)) for item in value]
    return [(prefix, _plain(value))]


def _object(item: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_plain(value)}" for key, value in item.items())


def _plain(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
