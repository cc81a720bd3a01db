"""Prometheus metrics of the service, created in the worker: prometheus_client picks its storage at import.

A counter in multiprocess mode costs about 2 us a change, six changes a prediction. So predictions are
gathered in lists and counted together, at most `FLUSH_SECONDS` later and before this worker answers a scrape.
"""

import asyncio
import logging
import platform
import time
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version

import numpy as np
from prometheus_client import Counter, Gauge, Histogram

from churn.model.scorer import Scorer
from churn.scoring.columns.reader import Floats
from serving.upstream.prometheus import BulkHistogram

log = logging.getLogger("churn.journal")
FLUSH_SECONDS = 0.05
_DROP_LOG_SECONDS = 10.0
_BATCH_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_ALERTED = ("internal_error", "too_busy", "request_timeout", "answer_not_taken", "too_many_connections")
"""Reasons that docs/alerts.yaml names. They are there from the start: of a count that begins at 1, Prometheus sees no
increase."""
_SECONDS_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class Metrics:
    """The service's metrics in `GET /metrics`, beside BentoML's. Label sets are bounded: no client text is a label.

    `predicted` and `flush` belong to the event loop.
    """

    def __init__(self) -> None:
        self._predictions = Counter("churn_predictions_total", "Predictions answered.", ["model_version", "outcome"])
        self._duration = BulkHistogram(
            "churn_predict_duration_seconds", "From the parsed request to its answer.", buckets=_SECONDS_BUCKETS
        )
        self._batch_duration = Histogram(
            "churn_batch_duration_seconds", "From the parsed batch to its answer.", buckets=_BATCH_BUCKETS
        )
        tenths = tuple(step / 10 for step in range(1, 11))
        self._probability = BulkHistogram(
            "churn_predicted_probability", "Predicted probabilities of churn.", buckets=tenths
        )
        self._rejected = Counter("churn_rejected_requests_total", "Requests not served.", ["reason"])
        for reason in _ALERTED:
            self._rejected.labels(reason)
        self._dropped = Counter("churn_journal_dropped_total", "Predictions that the journal could not take.")
        self._build = Gauge(
            "churn_build_info",
            "1, with the versions that run.",
            ["version", "bentoml_version", "python_version"],
            multiprocess_mode="livemax",
        )
        self._model = Gauge(
            "churn_model_info", "1 for the model in service.", ["model_version"], multiprocess_mode="livemax"
        )
        self._trained = Gauge(
            "churn_model_trained_timestamp_seconds",
            "When the model in service was trained.",
            multiprocess_mode="livemostrecent",
        )
        self._load_failures = Counter("churn_model_load_failures_total", "Models that could not be put in service.")
        self._served: Scorer | None = None
        self._drops_logged = float("-inf")
        self._gathered: list[float] = []
        self._gathered_seconds: list[float] = []
        self._gathered_from: Scorer | None = None

    @property
    def model_tag(self) -> str | None:
        """The tag of the model in service."""
        return self._served.tag if self._served else None

    def started(self, release: str) -> None:
        """Say which release of the service runs."""
        self._build.labels(release, version("bentoml"), platform.python_version()).set(1)

    def predicted(self, scorer: Scorer, probabilities: Sequence[float], seconds: Sequence[float]) -> None:
        """Count these answers, soon."""
        if scorer is not self._gathered_from:
            self.flush()
            self._gathered_from = scorer
        scheduled = bool(self._gathered)
        self._gathered += probabilities
        self._gathered_seconds += seconds
        if not scheduled:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def batch_predicted(self, scorer: Scorer, probabilities: Sequence[float] | Floats, seconds: float) -> None:
        """Count the rows of a batch."""
        self._batch_duration.observe(seconds)
        self._count(scorer, probabilities)

    def flush(self) -> None:
        """Count what was gathered."""
        gathered, self._gathered = self._gathered, []
        seconds, self._gathered_seconds = self._gathered_seconds, []
        if gathered and self._gathered_from is not None:
            self._duration.observe_all(seconds)
            self._count(self._gathered_from, gathered)

    def _count(self, scorer: Scorer, probabilities: Sequence[float] | Floats) -> None:
        churning = int(np.count_nonzero(np.asarray(probabilities) >= scorer.threshold))
        for outcome, count in (("churn", churning), ("stay", len(probabilities) - churning)):
            if count:
                self._predictions.labels(scorer.tag, outcome).inc(count)
        self._probability.observe_all(probabilities)

    def journal_dropped(self, lines: int, error: OSError) -> None:
        """Count lines that were not written; log it, but not for each request."""
        self._dropped.inc(lines)
        if time.monotonic() - self._drops_logged > _DROP_LOG_SECONDS:
            self._drops_logged = time.monotonic()
            log.error("journal cannot be written", extra={"reason": str(error), "model_tag": self.model_tag})

    def rejected(self, reason: str) -> None:
        """Count a request that was not served."""
        self._rejected.labels(reason).inc()

    def model_changed(self, scorer: Scorer) -> None:
        """Another model is in service."""
        if self._served is not None:
            self._model.labels(self._served.tag).set(0)
        self._model.labels(scorer.tag).set(1)
        self._trained.set(_seconds(scorer.card.get("trained_at_utc")))
        self._served = scorer

    def model_not_loaded(self) -> None:
        """A model could not be put in service."""
        self._load_failures.inc()


def _seconds(moment: object) -> float:
    """Seconds since 1970 of a time in ISO 8601; not a number where it is none."""
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return float("nan")
