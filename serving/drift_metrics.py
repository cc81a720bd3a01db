"""Prometheus metrics of the latest drift report, which `churn drift` writes to the volume."""

import json
import logging
from datetime import datetime
from pathlib import Path

from prometheus_client import Gauge

log = logging.getLogger("churn.drift")
MAX_REPORT_BYTES = 4 * 2**20


class DriftMetrics:
    """Gauges that follow the report. Label sets are bounded: it names the schema's features, and `prediction`."""

    def __init__(self, report: Path) -> None:
        self.report = report
        self._score = Gauge(
            "churn_drift_score",
            "Largest effect of the latest drift report as a multiple of its threshold.",
            ["feature"],
            multiprocess_mode="mostrecent",
        )
        self._detected = Gauge(
            "churn_drift_detected", "1 where the latest drift report found drift.", multiprocess_mode="mostrecent"
        )
        self._created = Gauge(
            "churn_drift_report_timestamp_seconds",
            "When the latest drift report was made.",
            multiprocess_mode="mostrecent",
        )
        self._version: tuple[int, int] | None = None

    def poll(self) -> None:
        """Set the gauges if the report has changed; one that cannot be read is logged once."""
        try:
            status = self.report.stat()
        except OSError:
            return  # there is none yet
        version = (status.st_mtime_ns, status.st_size)
        if version == self._version:
            return
        self._version = version
        try:
            with self.report.open("rb") as file:
                report = json.loads(file.read(MAX_REPORT_BYTES))
            scores = {item["name"]: float(item["score"]) for item in (*report["features"], report["prediction"])}
            detected = bool(report["drift"])
            created = datetime.fromisoformat(report["created_utc"]).timestamp()
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("drift report cannot be read", extra={"path": str(self.report), "reason": repr(error)})
            return
        for name, score in scores.items():
            self._score.labels(name).set(score)
        self._detected.set(detected)
        self._created.set(created)
