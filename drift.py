"""Compare the logged predictions with the served model's training data: `python drift.py --help`.

Exit codes: 0 no drift; 3 drift; 4 cannot judge (no log, too few rows); 2 bad usage or unreadable input;
1 only for a crash. `python drift.py performance --labels FILE` judges the predictions themselves, once the
truth is known, with the same codes: 3 where a model does worse than training promised.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn.errors import ChurnError, NothingToJudge
from churn.settings import DRIFT_RANGES, MIN_ROWS_RANGE, DriftSettings, Settings, read_settings

if TYPE_CHECKING:
    from churn.drift.alert import Delivery
    from churn.drift.report import Report

NO_DRIFT, BAD_INPUT, DRIFT, CANNOT_JUDGE = 0, 2, 3, 4
INTERRUPTED = 130
DEFAULT_LAST_N = 500
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parse(arguments)
    try:
        settings = _with_options(read_settings(), options)
        return _performance(options, settings) if options.command else _drift(options, settings)
    except NothingToJudge as error:
        sys.stderr.write(f"drift.py: cannot judge: {error}\n")
        return CANNOT_JUDGE
    except ChurnError as error:
        sys.stderr.write(f"drift.py: {error}\n")
        return BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write("drift.py: interrupted; nothing was reported\n")
        return INTERRUPTED


def _drift(options: argparse.Namespace, settings: Settings) -> int:
    # Imported here, so that `--help` and a wrong option answer at once.
    from churn.drift.terminal import print_report

    report = _judge(options, settings)
    print_report(report)
    previous = _previous_alert(settings)
    _write(report, options, settings, previous)
    if report.comparison.drift and settings.alert_url is not None:
        _write(report, options, settings, _alert(report, settings, previous))
    return DRIFT if report.comparison.drift else NO_DRIFT


def _judge(options: argparse.Namespace, settings: Settings) -> "Report":
    from churn.drift.comparison import compare
    from churn.drift.progress import progress_bar
    from churn.drift.reference import read_reference
    from churn.drift.report import Report
    from churn.drift.window import read_window
    from churn.registry import Registry

    registry = Registry(settings.home, settings.model_key)
    tag = registry.current()
    reference = read_reference(registry.fetch(tag) / "reference.json")
    last_n = options.last_n or (None if options.since else DEFAULT_LAST_N)
    with progress_bar("reading the journal") as progress:
        window = read_window(settings.logs_folder, tag, last_n, options.since, progress)
    if window.rows < settings.drift.min_rows:
        raise NothingToJudge(
            f"{tag} has only {window.rows} logged predictions in this window, --min-rows asks for "
            f"{settings.drift.min_rows}; wait for more, or take a longer --since or a larger --last-n"
            f"{window.future.note}"
        )
    comparison = compare(reference, window.features, window.prediction, settings.drift)
    trained_at = str(registry.entry(tag).get("trained_at_utc", ""))
    return Report(window, comparison, settings.drift, trained_at, reference.rows, datetime.now(UTC))


def _write(report: "Report", options: argparse.Namespace, settings: Settings, alert: Mapping[str, Any] | None) -> None:
    """Write what was asked for, then the registry's copies; without the latter the verdict still stands."""
    from churn.drift.page import render_page
    from churn.drift.report import HTML_NAME, JSON_NAME, write_files
    from churn.errors import DriftError

    document = report.as_json() | {"alert": alert}
    content, page = json.dumps(document, indent=1, allow_nan=False).encode() + b"\n", render_page(report)
    asked = {path: data for path, data in ((options.json, content), (options.html, page)) if path is not None}
    write_files(asked)
    folder = settings.registry_folder
    try:
        write_files({folder / HTML_NAME: page, folder / JSON_NAME: content})
    except DriftError as error:
        sys.stderr.write(f"drift.py: {error}; the service goes on showing the report before this one\n")


def _previous_alert(settings: Settings) -> Mapping[str, Any] | None:
    from churn.drift.report import JSON_NAME

    try:
        alert = json.loads((settings.registry_folder / JSON_NAME).read_bytes()).get("alert")
    except (OSError, ValueError, AttributeError):
        return None  # no report before this one, or one that this run replaces
    return alert if isinstance(alert, dict) else None


def _alert(report: "Report", settings: Settings, previous: Mapping[str, Any] | None) -> Mapping[str, Any]:
    from churn.drift.alert import alert_body, alert_key, send_alert

    key = alert_key(report)
    if previous is not None and previous.get("key") == key and previous.get("delivered"):
        sys.stderr.write("drift.py: the alert of this window was delivered by an earlier run; not sent again\n")
        return previous
    delivery: Delivery = send_alert(str(settings.alert_url), settings.monitoring_token, alert_body(report), key)
    sys.stderr.write(f"drift.py: {'alert sent' if delivery.delivered else 'ALERT NOT SENT'}: {delivery.detail}\n")
    return asdict(delivery)


def _performance(options: argparse.Namespace, settings: Settings) -> int:
    from churn.drift.performance import measure_performance
    from churn.drift.performance_table import print_performance
    from churn.drift.progress import progress_bar
    from churn.drift.report import write_files
    from churn.registry import Registry

    entries = {str(entry["model_tag"]): entry for entry in Registry(settings.home).entries()}
    with progress_bar("reading the journal") as progress:
        performance = measure_performance(
            settings.logs_folder, options.labels, entries, settings.drift.min_rows, progress
        )
    print_performance(performance)
    if options.json is not None:
        content = json.dumps(performance.as_json(), indent=1, allow_nan=False).encode() + b"\n"
        write_files({options.json: content})
    return DRIFT if performance.below_promise else NO_DRIFT


def _with_options(settings: Settings, options: argparse.Namespace) -> Settings:
    """Options win over settings."""
    given = {field.name: getattr(options, field.name, None) for field in fields(DriftSettings)}
    return replace(settings, drift=replace(settings.drift, **{k: v for k, v in given.items() if v is not None}))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="drift.py",
        description="Compare the logged predictions with the served model's training data.",
        epilog="exit codes: 0 no drift, 3 drift, 4 cannot judge, 2 bad usage or unreadable input, 1 crash",
    )
    option = parser.add_argument
    option("--last-n", type=_count, metavar="N", help=f"the last N predictions (default: {DEFAULT_LAST_N})")
    option("--since", type=_moment, metavar="24h", help="predictions of the last 24h (s, m, h, d, w) or since a time")
    for field in fields(DriftSettings):
        kind = _min_rows if field.name == "min_rows" else _number_in(*DRIFT_RANGES[field.name])
        option(f"--{field.name.replace('_', '-')}", type=kind, metavar="X", help=_HELP[field.name])
    option("--json", type=Path, metavar="FILE", help="write the report as JSON too")
    option("--html", type=Path, metavar="FILE", help="write the report as one HTML page too")
    commands = parser.add_subparsers(dest="command", metavar="performance")
    performance = commands.add_parser("performance", help="judge past predictions by labels that came later")
    performance.add_argument(
        "--labels", type=Path, required=True, metavar="FILE", help="CSV or Parquet: request_id,churn"
    )
    performance.add_argument("--min-rows", type=_min_rows, metavar="X", help=_HELP["min_rows"])
    performance.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
    options = parser.parse_args(arguments)
    if options.command:
        _refuse_misplaced(parser, arguments)
    return options


def _refuse_misplaced(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> None:
    """Options before `performance` are those of the comparison, which it does not make."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    before = [argument for argument in given[: given.index("performance")] if argument.startswith("--")]
    if before:
        parser.error(f"{', '.join(before)} before `performance` has no effect; give its own options after it")


_HELP = {
    "distance": "drift of numbers that matters, in training standard deviations (default: 0.2)",
    "psi": "population stability index that matters (default: 0.2)",
    "jensen_shannon": "Jensen-Shannon distance of categories that matters (default: 0.1)",
    "share": "share of unseen, missing or out-of-range rows that matters (default: 0.02)",
    "alpha": "false-discovery rate over features (default: 0.01)",
    "z_threshold": "of the replaced rule's lines only (default: 2.0)",
    "min_rows": "with fewer rows nothing is judged (default: 100)",
}


def _count(text: str, minimum: int = 1, maximum: int = 10**10) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text) or not minimum <= int(text) <= maximum:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {minimum} to {maximum}")
    return int(text)


def _min_rows(text: str) -> int:
    return _count(text, *MIN_ROWS_RANGE)


def _number_in(minimum: float, maximum: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not minimum <= number <= maximum:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {minimum:g} to {maximum:g}")
        return number

    return parse


def _moment(text: str) -> int:
    """Microseconds since 1970 of `24h` ago, or of an ISO 8601 time."""
    from churn.journal.record import parse_moment

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
