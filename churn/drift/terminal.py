"""Reports on a terminal: drift, and realised performance, as tables and sentences. No tag and no number is broken."""

from typing import TYPE_CHECKING

from rich.console import Console

from churn.drift.comparison import FeatureDrift
from churn.drift.phrases import describe, left_out, outline
from churn.drift.report import Report
from churn.journal.moments import format_moment
from churn.page.words import p_value, percent
from churn.text_layout import INDENT, hanging_table, indented, wrapped

if TYPE_CHECKING:  # they import pandas, which takes longer than reading a window
    from churn.drift.performance import Performance, Realised
    from churn.evaluation import Metric

_PIPE_WIDTH = 80
"""Width of tables where nobody watches; sentences are one line each there."""
_FEATURE_HEADER = ("feature", "effect/limit", "p adjusted", "verdict")
_METRIC_HEADER = (f"{INDENT}metric", "realised", "promised", "verdict")
_GOOD, _BAD = "bold green", "bold red"


def print_report(report: Report, console: Console | None = None) -> None:
    """Print a drift report: for each feature effect, p-value and verdict, and below them what they rest on."""
    console = console or Console()
    features = [*report.comparison.features, report.comparison.prediction]
    header, *rows = hanging_table([_FEATURE_HEADER, *map(_feature_row, features)], _table_width(console))
    _print_sentence(console, _heading(report))
    _print(console, f"\n{header}", "bold")
    for feature, row in zip(features, rows, strict=True):
        _print(console, row, _BAD if feature.drift else "")
        for detail in _details(feature):
            _print(console, "\n".join(indented(detail, _table_width(console))))
    _print(console)
    for rule in report.lab_rules:
        _print_sentence(console, str(rule))
    _print(console)
    _print_sentence(console, report.summary, _BAD if report.comparison.drift else _GOOD)


def print_performance(performance: "Performance", console: Console | None = None) -> None:
    """Print realised performance: a table for each model, below its tag."""
    console = console or Console()
    _print_sentence(console, _labels_heading(performance))
    for model in performance.models:
        _print(console, f"\n{model.tag} ({model.rows:,})", "bold")
        if not model.metrics:
            _print(console, f"{INDENT}too few labels, or all the same")
            continue
        header, *rows = hanging_table([_METRIC_HEADER, *map(_metric_row, model.metrics)], _table_width(console))
        _print(console, header)
        for metric, row in zip(model.metrics, rows, strict=True):
            _print(console, row, _BAD if metric.worse else "")
    _print(console)
    _print_sentence(console, performance.summary, _BAD if performance.below_promise else _GOOD)


def _print_sentence(console: Console, text: str, style: str = "") -> None:
    _print(console, "\n".join(wrapped(text, console.width)) if console.is_terminal else text, style)


def _print(console: Console, text: str = "", style: str = "") -> None:
    """Print text as it stands: Rich would break long words, and take the `:new:` of `name:new:` for an emoji."""
    console.print(text, style=style, markup=False, highlight=False, emoji=False, soft_wrap=True)


def _table_width(console: Console) -> int:
    return console.width if console.is_terminal else _PIPE_WIDTH


def _heading(report: Report) -> str:
    window = report.window
    skipped = ", ".join(left_out(window))
    note = f"; left out: {skipped}" if skipped else ""
    first, last = format_moment(window.first), format_moment(window.last)
    return f"{window.model}: {window.rows:,} predictions from {first} to {last}{note}"


def _feature_row(feature: FeatureDrift) -> tuple[str, ...]:
    _, effect, p_adjusted, _ = map(len, _FEATURE_HEADER)
    verdict = "DRIFT" if feature.drift else "no drift"
    return (feature.name, f"{feature.score:>{effect}.2f}", f"{p_value(feature.p_adjusted):>{p_adjusted}}", verdict)


def _details(feature: FeatureDrift) -> list[str]:
    training, live = outline(feature.training), outline(feature.live, feature.training)
    details = [f"training {training}; live {live}", _figures(feature)]
    return [describe(feature), *details] if feature.drift else details


def _figures(feature: FeatureDrift) -> str:
    shown = {"z": "z", "wasserstein": "W", "ks": "KS", "jensen_shannon": "JS", "psi": "PSI"}
    parts = [f"{label}={feature.figures[name]:.2f}" for name, label in shown.items() if name in feature.figures]
    shares = ("unseen", "out_of_range", "live_missing")
    return " ".join(
        parts + [f"{name}={percent(feature.figures[name])}" for name in shares if feature.figures.get(name)]
    )


def _labels_heading(performance: "Performance") -> str:
    labels, future = performance.labels, performance.future
    left_out = f"; left out: {future}" if future.rows else ""
    return (
        f"{labels.rows:,} labels, {labels.matched:,} of them of logged predictions; {labels.unknown:,} still empty"
        f"{left_out}"
    )


def _metric_row(metric: "Realised") -> tuple[str, ...]:
    return (f"{INDENT}{metric.name}", _metric(metric.value), *_promise(metric))


def _promise(metric: "Realised") -> tuple[str, str]:
    if metric.promised is None:
        return "unknown", "not judged"
    return _metric(metric.promised), "WORSE" if metric.worse else "as promised"


def _metric(metric: "Metric") -> str:
    return f"{metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})"
