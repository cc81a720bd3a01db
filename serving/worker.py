"""One worker process: its parts, and how they are wired together."""

import contextlib
import functools
import gc
from collections.abc import Mapping
from typing import Any

from churn import __version__
from churn.journal.bound import Bound
from churn.journal.sample import RowSample
from churn.journal.writer import Journal
from churn.model.scorer import Scorer
from churn.registry import Registry
from churn.scoring.predictor import Predictor
from churn.settings import Settings, read_settings
from churn.stored_files import HomeFile
from serving.app import App
from serving.cors import with_cors
from serving.documents import Documents
from serving.drain import Drain
from serving.drift_metrics import DriftMetrics
from serving.handlers import Handlers
from serving.journal_metrics import JournalMetrics
from serving.messages import AsgiApp
from serving.metrics import Metrics
from serving.poller import Poller
from serving.prefix import without_prefix
from serving.upstream.arrow import do_without_pandas
from serving.upstream.prometheus import forget_dead_workers
from serving.upstream.releases import warn_of_untested_releases
from serving.upstream.uvicorn import limit_connections
from serving.watcher import ModelWatcher


class Worker:
    """The parts of one process that serves. Making it starts nothing; `start` does."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.models = ModelWatcher(
            Registry(settings.home, settings.model_key),
            settings.model_name,
            settings.poll_seconds,
            on_change=self._model_changed,
            on_failure=self.metrics.model_not_loaded,
        )
        journalled = JournalMetrics(settings.logs_folder, settings.journal.max_bytes)
        self.journal = Journal(Bound(settings.logs_folder, settings.journal.max_bytes, journalled.removed))
        sample = RowSample(settings.journal.batch_share, journalled.sampled_out)
        self.predictor = Predictor(self.journal, self.metrics, sample)
        self.drain = Drain(settings.drain_file)
        self.drift = DriftMetrics(HomeFile.DRIFT_JSON.under(settings.home))
        self.poller = Poller(settings.poll_seconds, self.models.poll, self.drift.poll, journalled.poll)
        self._on_stop = contextlib.ExitStack()

    def app(self, bentoml_app: AsgiApp, bento: str, bentoml_schema: Mapping[str, Any]) -> AsgiApp:
        """The app to serve: the handlers behind the router, BentoML's app behind both, and what settings add before."""
        settings = self.settings
        documents = Documents(settings, bento, bentoml_schema)
        handlers = Handlers(settings, self.models, self.predictor, self.drain, documents, self.metrics)
        self.metrics.started(__version__)
        app: AsgiApp = App(
            bentoml_app,
            handlers,
            self.metrics,
            self.drain,
            pending_bytes=settings.limits.pending_bytes,
            docs=settings.docs,
        )
        if settings.tracing:
            from serving.tracing import traced  # noqa: PLC0415 - half a second and 10 MB that only tracing needs

            app, send_last_spans = traced(app)
            self._on_stop.callback(send_last_spans)
        if settings.path_prefix:
            app = without_prefix(app, settings.path_prefix)
        if settings.cors_origins:
            app = with_cors(app, settings.cors_origins)
        return app

    def start(self) -> None:
        """Prepare the server, load the model that the pointer names, if there is one, and go on polling."""
        warn_of_untested_releases()
        do_without_pandas()
        limit_connections(self.settings.limits, self.metrics.rejected, shared=self.settings.workers > 1)
        self.models.poll()
        self.poller.start()

    def stop(self) -> None:
        """Stop polling, close the journal, send the last traces."""
        self.poller.stop()
        self.metrics.flush()
        self.journal.close()
        self._on_stop.close()

    def _model_changed(self, scorer: Scorer) -> None:
        self.metrics.model_changed(scorer)
        # What is alive now lives as long as the process: scanning it in each collection is what stalls
        # the loop for 60 to 175 ms.
        gc.collect()
        gc.freeze()
        # A request leaves next to nothing for the collector, so it need not run every 700 objects. The older
        # generations are small once all this is frozen, and collected often enough that closed connections, which
        # refer to themselves, do not pile up.
        gc.set_threshold(10_000, 5, 5)


@functools.cache
def worker() -> Worker:
    """The worker that this process is, made at the first call."""
    forget_dead_workers()
    return Worker(read_settings())
