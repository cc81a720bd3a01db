"""Realised performance on a terminal: a table and the sentence."""

from rich.console import Console
from rich.table import Table

from churn.drift.performance import ModelPerformance, Performance, Realised
from churn.evaluation import Metric

_PIPE_WIDTH = 120


def print_performance(performance: Performance, console: Console | None = None) -> None:
    """Print what predictions came to."""
    console = console or Console()
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    labels = performance.labels
    heading = (
        f"{labels.rows:,} labels, {labels.matched:,} of them of logged predictions; {labels.unknown:,} still empty"
    )
    if performance.future.rows:
        heading += f"; left out: {performance.future}"
    console.print(heading, markup=False, highlight=False, soft_wrap=not console.is_terminal)
    table = Table("model", "metric", "realised", "promised", "verdict")
    for model in performance.models:
        _add(table, model)
        table.add_section()
    console.print(table)
    style = "bold red" if performance.below_promise else "bold green"
    console.print(performance.summary, style=style, markup=False, highlight=False)


def _add(table: Table, model: ModelPerformance) -> None:
    name = f"{model.tag} ({model.rows:,})"
    if not model.metrics:
        table.add_row(name, "", "", "", "too few labels, or all the same")
    for number, metric in enumerate(model.metrics):
        table.add_row(name if number == 0 else "", metric.name, _figure(metric.value), *_promise(metric))


def _promise(metric: Realised) -> tuple[str, str]:
    if metric.promised is None:
        return "unknown", "not judged"
    return _figure(metric.promised), "[bold red]WORSE[/]" if metric.worse else "[green]as promised[/]"


def _figure(metric: Metric) -> str:
    return f"{metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})"
