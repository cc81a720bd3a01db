"""Drift flows: detection compares a window of the journal with training, performance joins it with delayed labels."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from churn.cli import DONE, FOUND, called_as, tell
from churn.drift.alert import alert_body, alert_key, send_alert
from churn.drift.comparison import compare
from churn.drift.options import DriftOptions, PerformanceOptions
from churn.drift.page import render_page
from churn.drift.reference import read_reference
from churn.drift.report import Report, write_files
from churn.drift.terminal import print_performance, print_report
from churn.drift.window import read_window
from churn.errors import DriftError, NothingToJudge, PointerEmpty, PointerMissing
from churn.journal.record import Served
from churn.registry import Registry
from churn.schema.definition import Schema
from churn.schema.reading import default_schema, read_schema
from churn.schema.stored import schema_in
from churn.settings import Settings
from churn.stored_files import HomeFile, ModelFile


def run_drift(options: DriftOptions, settings: Settings) -> int:
    """Detect drift of the served model, report it and send an alert; returns 0, or 3 where there is drift.

    Raises:
        NothingToJudge: there is no journal, or too little in it.
        ChurnError: the model, the journal or a file that was asked for cannot be used.
    """
    report = _detect(options, settings)
    print_report(report)
    previous = _previous_alert(settings)
    _write(report, options, settings, previous)
    if report.comparison.drift and settings.alert_url is not None:
        alert = _send_once(report, settings.alert_url, settings.monitoring_token, previous)
        _write(report, options, settings, alert)
    return FOUND if report.comparison.drift else DONE


def run_performance(options: PerformanceOptions, settings: Settings) -> int:
    """Evaluate logged predictions by their labels; returns 0, or 3 where a model does worse than training promised.

    Raises:
        NothingToJudge: there is no journal, or for no model enough labels.
        ChurnError: the labels, the journal or the file that was asked for cannot be used.
    """
    # pandas takes 0.4 s to import, which detection does not need.
    from churn.drift.performance import evaluate_performance

    registry = Registry(settings.home, settings.model_key)
    entries = {str(entry.tag): entry for entry in registry.entries()}
    schema = _labels_schema(registry, settings)
    performance = evaluate_performance(settings.logs_folder, options.labels, schema, entries, settings.drift.min_rows)
    print_performance(performance)
    if options.json is not None:
        write_files({options.json: _json(performance.as_json())})
    return FOUND if performance.below_promise else DONE


def _detect(options: DriftOptions, settings: Settings) -> Report:
    registry = Registry(settings.home, settings.model_key)
    tag = registry.current()
    folder = registry.fetch(tag)
    served = Served(tag, schema_in(tag, folder))
    reference = read_reference(ModelFile.REFERENCE.under(folder), served.schema)
    window = read_window(settings.logs_folder, served, options.last_n, options.since)
    if window.rows < settings.drift.min_rows:
        raise NothingToJudge(
            f"{tag} has only {window.rows} logged predictions in this window, --min-rows asks for "
            f"{settings.drift.min_rows}; wait for more, or take a longer --since or a larger --last-n"
            f"{window.future.note}"
        )
    comparison = compare(reference, window.features, window.prediction, settings.drift)
    trained_at = registry.entry(tag).trained_at
    described = {feature.name: feature.description for feature in served.schema.feature}
    return Report(window, comparison, settings.drift, trained_at, reference.rows, datetime.now(UTC), described)


def _labels_schema(registry: Registry, settings: Settings) -> Schema:
    """The schema of the served model, or where none was promoted, that with which training would make one."""
    try:
        tag = registry.current()
    except (PointerMissing, PointerEmpty):
        return read_schema(default_schema(settings.home))
    return schema_in(tag, registry.fetch(tag))


def _write(report: Report, options: DriftOptions, settings: Settings, alert: Mapping[str, Any] | None) -> None:
    """Write the files that were asked for, then the registry's; without the latter the verdict still stands."""
    content, page = _json(report.as_json() | {"alert": alert}), render_page(report)
    write_files({path: data for path, data in ((options.json, content), (options.html, page)) if path is not None})
    home = settings.home
    try:
        write_files({HomeFile.DRIFT_HTML.under(home): page, HomeFile.DRIFT_JSON.under(home): content})
    except DriftError as error:
        tell(called_as(), f"{error}; the service goes on showing the report before this one")


def _previous_alert(settings: Settings) -> Mapping[str, Any] | None:
    try:
        alert = json.loads(HomeFile.DRIFT_JSON.under(settings.home).read_bytes()).get("alert")
    except (OSError, ValueError, AttributeError):
        return None  # no report before this one, or one that this run replaces
    return alert if isinstance(alert, dict) else None


def _send_once(report: Report, url: str, token: str | None, previous: Mapping[str, Any] | None) -> Mapping[str, Any]:
    key = alert_key(report)
    if previous is not None and previous.get("key") == key and previous.get("delivered"):
        tell(called_as(), "the alert of this window was delivered by an earlier run; not sent again")
        return previous
    delivery = send_alert(url, token, alert_body(report), key)
    tell(called_as(), f"{'alert sent' if delivery.delivered else 'ALERT NOT SENT'}: {delivery.detail}")
    return asdict(delivery)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=1, allow_nan=False).encode() + b"\n"
