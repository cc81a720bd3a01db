"""The latest drift report as Prometheus metrics: `drift.py` writes it to the volume, this shows it in `/metrics`."""

import json
import logging
import threading
from pathlib import Path

from prometheus_client import Gauge

log = logging.getLogger("churn.drift")
MAX_REPORT_BYTES = 4 * 2**20


class DriftMetrics:
    """Looks at the report every `poll_seconds`, in a thread, so that a volume that hangs holds up no request.

    Label sets are bounded: the report names the schema's features, and `prediction`.
    """

    def __init__(self, report: Path, poll_seconds: float) -> None:
        self.report = report
        self.poll_seconds = poll_seconds
        self._score = Gauge(
            "churn_drift_score",
            "Largest effect of the latest drift report as a multiple of its threshold.",
            ["feature"],
            multiprocess_mode="mostrecent",
        )
        self._detected = Gauge(
            "churn_drift_detected", "1 where the latest drift report found drift.", multiprocess_mode="mostrecent"
        )
        self._seen: tuple[int, int] | None = None
        self._stop = threading.Event()

    def start(self) -> None:
        """Look in a thread that ends with the process."""
        threading.Thread(target=self._run, name="drift-metrics", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()

    def look(self) -> None:
        """Take over the report's figures if it has changed; one that cannot be read is logged once."""
        try:
            status = self.report.stat()
        except OSError:
            return  # there is none yet
        version = (status.st_mtime_ns, status.st_size)
        if version == self._seen:
            return
        self._seen = version
        try:
            with self.report.open("rb") as file:
                report = json.loads(file.read(MAX_REPORT_BYTES))
            scores = {item["name"]: float(item["score"]) for item in (*report["features"], report["prediction"])}
            detected = bool(report["drift"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("drift report cannot be read", extra={"path": str(self.report), "reason": repr(error)})
            return
        for name, score in scores.items():
            self._score.labels(name).set(score)
        self._detected.set(detected)

    def _run(self) -> None:
        self.look()
        while not self._stop.wait(self.poll_seconds):
            self.look()
