"""The command `churn drift`, also `python drift.py`: its options. The flows: `churn/drift/run.py`."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, override

import click
from click.core import ParameterSource

from churn import cli
from churn.cli import option
from churn.journal.moments import parse_moment
from churn.option_types import FILE, Number, WholeNumber
from churn.settings import DRIFT_RANGES, MIN_ROWS_RANGE, DriftSettings, Settings, read_settings

EXIT_CODES = {
    cli.DONE: "There is no drift. For performance: each model does as training promised.",
    cli.BAD_INPUT: "An option, a setting or a file cannot be used.",
    cli.FOUND: "There is drift. For performance: a model does worse than training promised.",
    cli.CANNOT_JUDGE: "There is no verdict: no logged prediction, or too few.",
} | cli.ANY_COMMAND
DEFAULT_LAST_N = 500
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_THRESHOLDS = {
    "distance": "Shift of a number that is drift, in training standard deviations.",
    "psi": "Population stability index that is drift.",
    "jensen_shannon": "Jensen-Shannon distance of categories that is drift.",
    "share": "Share of unseen, missing or out-of-range rows that is drift.",
    "alpha": "False-discovery rate over the features.",
    "z_threshold": "Threshold of the replaced rule, for its own lines only.",
    "min_rows": "With fewer rows there is no verdict.",
}


class Moment(click.ParamType[int]):
    """An option's type: a moment, `24h` ago or an ISO 8601 time, as microseconds since 1970 UTC."""

    name = "moment"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The moment."""
        if match := re.fullmatch(r"([0-9]{1,6})([smhdw])", value):
            try:
                then = datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
            except OverflowError:
                self.fail(f"{value!r} goes back too far", param, ctx)
            return int(then.timestamp() * 1_000_000)
        moment = parse_moment(value)
        if moment is None:
            self.fail(f"{value!r} is neither a time span like 24h nor a time like 2026-11-23T09:00Z", param, ctx)
        return moment


def _threshold[F: Callable[..., Any]](name: str) -> Callable[[F], F]:
    kind = WholeNumber(*MIN_ROWS_RANGE) if name == "min_rows" else Number(*DRIFT_RANGES[name])
    default = f"$CHURN_DRIFT_{name.upper()}, else {getattr(DriftSettings, name)}"
    return option(f"--{name.replace('_', '-')}", type=kind, metavar="X", show_default=default, help=_THRESHOLDS[name])


def _thresholds[F: Callable[..., Any]](function: F) -> F:
    for name in reversed(_THRESHOLDS):
        function = _threshold(name)(function)
    return function


@click.group(
    cls=cli.Group, invoke_without_command=True, subcommand_metavar="[performance ...]",
    context_settings=cli.settings(EXIT_CODES, "interrupted; nothing was reported"),
)  # fmt: skip
@cli.version_option
@option(
    "--last-n", type=WholeNumber(1, 10**10), metavar="N", show_default=f"{DEFAULT_LAST_N}, or no limit with --since",
    help="Take the last N predictions.",
)  # fmt: skip
@option(
    "--since", type=Moment(), metavar="24h",
    help="Take the predictions of the last 24h (s, m, h, d, w), or since a time.",
)  # fmt: skip
@_thresholds
@option("--json", type=FILE, metavar="FILE", help="Write the report as JSON too.")
@option("--html", type=FILE, metavar="FILE", help="Write the report as one HTML page too.")
@click.pass_context
def drift(ctx: click.Context, /, last_n: int | None, since: int | None, json: Path, html: Path, **given: Any) -> int:
    """Compare the logged predictions with the training data."""
    if ctx.invoked_subcommand:
        return _refuse_misplaced(ctx)
    settings = _with_thresholds(given)
    from churn.drift.options import DriftOptions
    from churn.drift.run import run_drift

    window = last_n or (None if since else DEFAULT_LAST_N)
    return run_drift(DriftOptions(window, since, json, html), settings)


@drift.command()
@option(
    "--labels", type=FILE, required=True, metavar="FILE",
    help="CSV or Parquet file with the column request_id and that of the target.",
)  # fmt: skip
@_threshold("min_rows")
@option("--json", type=FILE, metavar="FILE", help="Write the figures as JSON too.")
def performance(labels: Path, json: Path, **given: Any) -> int:
    """Evaluate past predictions by labels that came later."""
    settings = _with_thresholds(given)
    from churn.drift.options import PerformanceOptions
    from churn.drift.run import run_performance

    return run_performance(PerformanceOptions(labels, json), settings)


def _with_thresholds(given: dict[str, Any]) -> Settings:
    """The settings, in which options win."""
    settings = read_settings()
    chosen = {name: value for name, value in given.items() if value is not None}
    return replace(settings, drift=replace(settings.drift, **chosen))


def _refuse_misplaced(ctx: click.Context) -> int:
    """Options before `performance` are those of the comparison, which it does not make."""
    before = [
        param.opts[0] for param in ctx.command.params
        if param.name and ctx.get_parameter_source(param.name) is ParameterSource.COMMANDLINE
    ]  # fmt: skip
    if before:
        ctx.fail(f"{', '.join(before)} before `performance` has no effect; give its own options after it")
    return cli.DONE
