"""What one worker process holds: settings, registry, model, journal, predictor, metrics."""

import contextlib
import functools
import gc
import sys
from dataclasses import dataclass, field

from churn.journal.writer import Journal
from churn.registry import Registry
from churn.scoring.predictor import Predictor
from churn.scoring.scorer import Scorer
from churn.settings import Settings, read_settings
from serving.app import FrontDoor
from serving.drain import Drain
from serving.drift_metrics import DriftMetrics
from serving.handlers import Routes
from serving.logs import configure_logging
from serving.messages import AsgiApp
from serving.metrics import Metrics
from serving.upstream.metrics_folder import forget_dead_workers
from serving.upstream.uvicorn import Guard
from serving.watcher import ModelWatcher


@dataclass(frozen=True)
class Runtime:
    """The parts, wired together."""

    settings: Settings
    watcher: ModelWatcher
    journal: Journal
    predictor: Predictor
    metrics: Metrics
    drain: Drain
    drift: DriftMetrics
    on_stop: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def front_door(self, bentoml_app: AsgiApp, version: str) -> AsgiApp:
        """Start following the pointer; the app to serve has our routes before BentoML's.

        The model that the pointer names, if there is one, is loaded when this returns.
        """
        configure_logging(self.settings.log_level)
        self.watcher.on_change = self._on_change
        self.watcher.on_failure = self.metrics.model_not_loaded
        self.watcher.start()
        self.drain.start()
        self.drift.start()
        Guard(self.settings.limits, self.metrics.rejected).install()
        if self.settings.workers > 1 and sys.platform != "win32":  # where there is no uvloop
            from serving.upstream.uvloop import share_connections  # noqa: PLC0415 - the same

            share_connections()
        routes = Routes(self.settings, self.watcher, self.predictor, self.drain, version).table()
        front_door = FrontDoor(
            bentoml_app,
            routes,
            rejected=self.metrics.rejected,
            current_model=self.served_model,
            before_scrape=self.metrics.flush,
            drain=self.drain,
            pending_bytes=self.settings.limits.pending_bytes,
            docs=self.settings.docs,
        )
        if not self.settings.tracing:
            return front_door
        from serving.tracing import traced  # noqa: PLC0415 - half a second and 10 MB that only tracing needs

        app, send_last_spans = traced(front_door, version)
        self.on_stop.callback(send_last_spans)
        return app

    def stop(self) -> None:
        """Stop following the pointer, close the journal, send the last traces."""
        self.watcher.stop()
        self.drain.stop()
        self.drift.stop()
        self.metrics.flush()
        self.journal.close()
        self.on_stop.close()

    def served_model(self) -> str | None:
        """The tag of the model in service."""
        return self.watcher.scorer.tag if self.watcher.scorer else None

    def _on_change(self, scorer: Scorer) -> None:
        self.metrics.model_changed(scorer)
        # What is alive now lives as long as the process: looking at it in each collection is what stalls
        # the loop for 60 to 175 ms.
        gc.collect()
        gc.freeze()
        # A request leaves next to nothing for the collector, so it need not look every 700 objects. The older
        # generations are small once all this is frozen, and looked at often enough that closed connections, which
        # refer to themselves, do not pile up.
        gc.set_threshold(10_000, 5, 5)


@functools.cache
def runtime() -> Runtime:
    """The runtime of this process, made at the first call."""
    settings = read_settings()
    watcher = ModelWatcher(Registry(settings.home, settings.model_key), settings.model_name, settings.poll_seconds)
    journal = Journal(settings.logs_folder)
    forget_dead_workers()
    metrics = Metrics()
    predictor = Predictor(lambda: watcher.scorer, journal, metrics)
    drain = Drain(settings.drain_file)
    drift = DriftMetrics(settings.registry_folder / "drift_report.json", settings.poll_seconds)
    return Runtime(settings, watcher, journal, predictor, metrics, drain, drift)
