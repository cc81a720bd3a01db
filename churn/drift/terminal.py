"""Reports on a terminal: drift, and realised performance, each as a table and a sentence."""

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from churn.drift.comparison import FeatureDrift
from churn.drift.phrases import describe, outline
from churn.drift.report import Report
from churn.journal.moments import format_moment
from churn.page.words import percent

if TYPE_CHECKING:  # they import pandas, which takes longer than reading a window
    from churn.drift.performance import ModelPerformance, Performance, Realised
    from churn.evaluation import Metric

_PIPE_WIDTH = 140


def print_report(report: Report, console: Console | None = None) -> None:
    """Print a drift report; without colours, and wide, where nobody watches."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("feature", no_wrap=True)
    table.add_column("training\nlive", overflow="fold")
    table.add_column("figures", overflow="fold")
    table.add_column("effect\n/ limit", justify="right")
    table.add_column("p\nadjusted", justify="right")
    table.add_column("verdict", overflow="fold")
    for feature in report.comparison.features:
        table.add_row(*_row(feature))
    table.add_section()
    table.add_row(*_row(report.comparison.prediction))
    notes = [*map(str, report.lab_rules), ""]
    _print(console or Console(), _heading(report), table, notes, report.summary, bad=report.comparison.drift)


def print_performance(performance: "Performance", console: Console | None = None) -> None:
    """Print realised performance, as a drift report is printed."""
    labels = performance.labels
    heading = (
        f"{labels.rows:,} labels, {labels.matched:,} of them of logged predictions; {labels.unknown:,} still empty"
    )
    if performance.future.rows:
        heading += f"; left out: {performance.future}"
    table = Table("model", "metric", "realised", "promised", "verdict")
    for model in performance.models:
        _add_model(table, model)
        table.add_section()
    _print(console or Console(), heading, table, [], performance.summary, bad=performance.below_promise)


def _print(console: Console, heading: str, table: Table, notes: list[str], summary: str, *, bad: bool) -> None:
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    wraps = console.is_terminal
    console.print(heading, markup=False, highlight=False, soft_wrap=not wraps)
    console.print(table)
    for note in notes:
        console.print(note, markup=False, highlight=False)
    style = "bold red" if bad else "bold green"
    console.print(summary, style=style, markup=False, highlight=False, soft_wrap=not wraps)


def _heading(report: Report) -> str:
    window = report.window
    skipped = [f"{rows:,} of {tag}" for tag, rows in window.others.items()]
    skipped += [f"{window.broken:,} broken line{'s' if window.broken > 1 else ''}"] if window.broken else []
    skipped += [str(window.future)] if window.future.rows else []
    note = f"; left out: {', '.join(skipped)}" if skipped else ""
    first, last = format_moment(window.first), format_moment(window.last)
    return f"{window.model}: {window.rows:,} predictions from {first} to {last}{note}"


def _row(feature: FeatureDrift) -> tuple[str, ...]:
    verdict = f"[bold red]DRIFT[/]: {escape(describe(feature))}" if feature.drift else "[green]no drift[/]"
    return (
        feature.name,
        escape(f"{outline(feature.training)}\n{outline(feature.live, feature.training)}"),
        _figures(feature),
        f"{feature.score:.2f}",
        f"{feature.p_adjusted:.2g}",
        verdict,
    )


def _figures(feature: FeatureDrift) -> str:
    shown = {"z": "z", "wasserstein": "W", "ks": "KS", "jensen_shannon": "JS", "psi": "PSI"}
    parts = [f"{label}={feature.figures[name]:.2f}" for name, label in shown.items() if name in feature.figures]
    shares = ("unseen", "out_of_range", "live_missing")
    return " ".join(
        parts + [f"{name}={percent(feature.figures[name])}" for name in shares if feature.figures.get(name)]
    )


def _add_model(table: Table, model: "ModelPerformance") -> None:
    name = f"{model.tag} ({model.rows:,})"
    if not model.metrics:
        table.add_row(name, "", "", "", "too few labels, or all the same")
    for number, metric in enumerate(model.metrics):
        table.add_row(name if number == 0 else "", metric.name, _metric(metric.value), *_promise(metric))


def _promise(metric: "Realised") -> tuple[str, str]:
    if metric.promised is None:
        return "unknown", "not judged"
    return _metric(metric.promised), "[bold red]WORSE[/]" if metric.worse else "[green]as promised[/]"


def _metric(metric: "Metric") -> str:
    return f"{metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})"
