"""Tables of models: with rules and colour at a terminal, plain and aligned otherwise."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from churn.registry.entry import ModelEntry
from churn.schema.json_text import Json

_HEADER = ("", "model", "trained (UTC)", "rows", "F1", "ROC AUC", "log loss", "gate", "archive")


class Table(NamedTuple):
    """Rows of text; `header` may be empty."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def models_table(entries: Sequence[ModelEntry], current: str | None) -> Table:
    """One row a model."""
    return Table(_HEADER, [_model_row(entry, current) for entry in entries])


def facts_table(facts: Mapping[str, Any]) -> Table:
    """One row a fact; what is inside an object becomes `outer.inner`."""
    return Table((), list(_flat("", facts)))


def render(table: Table) -> None:
    """Print to standard output."""
    if sys.stdout.isatty():
        _render_rich(table)
    else:
        sys.stdout.write(_plain(table))


def _model_row(entry: ModelEntry, current: str | None) -> list[str]:
    return [
        "*" if entry.tag == current else "",
        entry.tag,
        entry.trained_at[:19],
        str(entry.raw.get("rows", "")),
        *(_figure(entry.metrics.get(name)) for name in ("f1", "roc_auc", "log_loss")),
        "passed" if entry.passed_gate else "refused",
        "pruned" if entry.pruned_at else "kept",
    ]


def _figure(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, int | float) else ""


def _flat(prefix: str, value: Json) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [row for key, item in value.items() for row in _flat(f"{prefix}.{key}" if prefix else str(key), item)]
    return [(prefix, value if isinstance(value, str) else json.dumps(value))]


def _plain(table: Table) -> str:
    rows = [row for row in (table.header, *table.rows) if row]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)


def _render_rich(table: Table) -> None:
    shown = RichTable(box=box.SIMPLE_HEAD, show_header=bool(table.header))
    for title in table.header or table.rows[0]:
        shown.add_column(title, overflow="fold")
    for row in table.rows:
        style = "bold green" if row[0] == "*" else ""
        shown.add_row(*(Text(cell) for cell in row), style=style)
    Console().print(shown)
