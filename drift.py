"""Drift detection, and evaluation of past predictions: `python drift.py --help`. The flows: `churn/drift/run.py`.

Exit codes: 0 no drift; 3 drift; 4 cannot judge (no log, too few rows); 2 bad usage or unreadable input; 1 only for a
crash. `python drift.py performance --labels FILE` has the same ones: 3 where a model does worse than training promised.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from churn.cli import add_version, number, run_command, whole_number
from churn.drift.options import DriftOptions, PerformanceOptions
from churn.journal.moments import parse_moment
from churn.settings import DRIFT_RANGES, MIN_ROWS_RANGE, DriftSettings, read_settings

DEFAULT_LAST_N = 500
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_HELP = {
    "distance": "drift of numbers that matters, in training standard deviations",
    "psi": "population stability index that matters",
    "jensen_shannon": "Jensen-Shannon distance of categories that matters",
    "share": "share of unseen, missing or out-of-range rows that matters",
    "alpha": "false-discovery rate over features",
    "z_threshold": "of the replaced rule's lines only",
    "min_rows": "with fewer rows there is no verdict",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    given = vars(_parse(arguments))
    return run_command("drift.py", lambda: _run(given), "interrupted; nothing was reported")


def _run(given: dict[str, Any]) -> int:
    settings = read_settings()
    thresholds = {field.name: given.get(field.name) for field in fields(DriftSettings)}
    # Options win over settings.
    chosen = replace(settings.drift, **{name: value for name, value in thresholds.items() if value is not None})
    settings = replace(settings, drift=chosen)
    # Imported here, so that `--help` and a wrong option answer at once: 0.1 s instead of 0.5.
    from churn.drift import run

    if given["command"]:
        return run.run_performance(PerformanceOptions(given["labels"], given["json"]), settings)
    last_n = given["last_n"] or (None if given["since"] else DEFAULT_LAST_N)
    return run.run_drift(DriftOptions(last_n, given["since"], given["json"], given["html"]), settings)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="drift.py",
        description="Compare the logged predictions with the served model's training data.",
        epilog="exit codes: 0 no drift, 3 drift, 4 cannot judge, 2 bad usage or unreadable input, 1 crash",
    )
    add_version(parser)
    option = parser.add_argument
    option(
        "--last-n", type=whole_number(1, 10**10), metavar="N",
        help=f"the last N predictions (default: {DEFAULT_LAST_N}, or no limit with --since)",
    )  # fmt: skip
    option("--since", type=_moment, metavar="24h", help="predictions of the last 24h (s, m, h, d, w) or since a time")
    for name in _HELP:
        _add_threshold(parser, name)
    option("--json", type=Path, metavar="FILE", help="write the report as JSON too")
    option("--html", type=Path, metavar="FILE", help="write the report as one HTML page too")
    commands = parser.add_subparsers(dest="command", metavar="performance")
    performance = commands.add_parser("performance", help="evaluate past predictions by labels that came later")
    performance.add_argument(
        "--labels", type=Path, required=True, metavar="FILE", help="CSV or Parquet: request_id and the target's column"
    )
    _add_threshold(performance, "min_rows")
    performance.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
    options = parser.parse_args(arguments)
    if options.command:
        _refuse_misplaced(parser, arguments)
    return options


def _add_threshold(parser: argparse.ArgumentParser, name: str) -> None:
    kind = whole_number(*MIN_ROWS_RANGE) if name == "min_rows" else number(*DRIFT_RANGES[name])
    default = f"CHURN_DRIFT_{name.upper()}, else {getattr(DriftSettings, name)}"
    parser.add_argument(
        f"--{name.replace('_', '-')}", type=kind, metavar="X", help=f"{_HELP[name]} (default: {default})"
    )


def _refuse_misplaced(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> None:
    """Options before `performance` are those of the comparison, which it does not make."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    before = [argument for argument in given[: given.index("performance")] if argument.startswith("--")]
    if before:
        parser.error(f"{', '.join(before)} before `performance` has no effect; give its own options after it")


def _moment(text: str) -> int:
    """Microseconds since 1970 of `24h` ago, or of an ISO 8601 time."""
    if match := re.fullmatch(r"([0-9]{1,6})([smhdw])", text):
        try:
            then = datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
        except OverflowError:
            raise argparse.ArgumentTypeError(f"{text!r} goes back too far") from None
        return int(then.timestamp() * 1_000_000)
    moment = parse_moment(text)
    if moment is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a time span like 24h nor a time like 2026-11-23T09:00Z")
    return moment


if __name__ == "__main__":
    sys.exit(main())
