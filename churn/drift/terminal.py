"""The report on a terminal: a table, the replaced rule's lines, and the sentence."""

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from churn.drift.comparison import FeatureDrift
from churn.drift.phrases import describe, outline, percent
from churn.drift.report import Report
from churn.journal.moments import format_moment

_PIPE_WIDTH = 140


def print_report(report: Report, console: Console | None = None) -> None:
    """Print a report; without colours, and wide, where nobody watches."""
    console = console or Console()
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    console.print(_heading(report), markup=False, highlight=False, soft_wrap=not console.is_terminal)
    console.print(_table(report))
    for rule in report.lab_rules:
        console.print(str(rule), markup=False, highlight=False)
    style = "bold red" if report.comparison.drift else "bold green"
    console.print(f"\n{report.summary}", style=style, markup=False, highlight=False, soft_wrap=not console.is_terminal)


def _heading(report: Report) -> str:
    window = report.window
    skipped = [f"{rows:,} of {tag}" for tag, rows in window.others.items()]
    skipped += [f"{window.broken:,} broken line{'s' if window.broken > 1 else ''}"] if window.broken else []
    skipped += [str(window.future)] if window.future.rows else []
    note = f"; left out: {', '.join(skipped)}" if skipped else ""
    first, last = format_moment(window.first), format_moment(window.last)
    return f"{window.model}: {window.rows:,} predictions from {first} to {last}{note}"


def _table(report: Report) -> Table:
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
    return table


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
