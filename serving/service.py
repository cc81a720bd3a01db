"""The BentoML service: `churn serve` and `bentoml serve` run it, `bentoml build` packs it (service.py, its entry).

An HTTP `POST /predict` is answered by `Handlers.predict` in serving/handlers.py, not by `ChurnApi.predict` below: our
app (serving/app.py) stands in front of BentoML's own layers, since behind them, all else being equal, a request costs
more than twice the processor time (benchmarks/README.md). BentoML brings the server, the workers, `/metrics`, the
page of the routes, the Python client and the build; for these, `ChurnApi` declares the API, and its methods answer a
call in this process. A record is a plain object here: the schema of the model in service says what it may hold.

    POST /predict -> in_front -> App -> Handlers.predict -> Predictor.predict -> journal and answer
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import bentoml

from churn.scoring.batch import Batch, BatchPrediction, validate_rows
from churn.scoring.responses import Prediction
from serving.start import read_settings_or_end
from serving.upstream.bentoml import clean_metrics_folders, service_class
from serving.upstream.circus import supervise_workers

if TYPE_CHECKING:
    from serving.messages import AsgiApp
    from serving.worker import Worker


def _worker() -> Worker:
    # BentoML's parent process imports this file too: it must pay neither for ONNX Runtime nor for metrics, whose
    # storage must be opened in the worker.
    from serving.worker import worker

    return worker()


def in_front(bentoml_app: AsgiApp, bento: str) -> AsgiApp:
    """The app that a worker serves: ours, with BentoML's behind it."""
    _worker().start()
    schema = ChurnApi.schema()  # type: ignore[attr-defined]  # BentoML's decorator makes a `Service` of the class
    return _worker().app(bentoml_app, bento, schema)


settings = read_settings_or_end()


@bentoml.service(
    name="churn-api",
    service_class=service_class(in_front),
    logging={"access": {"enabled": False}},
    workers=settings.workers,
    tracing={"excluded_urls": ".*"},  # BentoML's costs most of a request's time; ours is serving/tracing.py
)
class ChurnApi:
    """Predicts whether a customer will churn."""

    @bentoml.api(route="/predict")  # type: ignore[untyped-decorator]  # BentoML's decorators are not typed
    async def predict(self, customer: dict[str, Any], /) -> Prediction:
        """Probability that this customer churns, and the decision at the model's threshold."""
        scorer = _worker().models.required()
        record = scorer.validator.parse(json.dumps(customer).encode())
        answer = await _worker().predictor.predict(scorer, record, record.request_id or "in-process")
        return Prediction.model_validate_json(answer)

    @bentoml.api(route="/predict/batch")  # type: ignore[untyped-decorator]  # BentoML's decorators are not typed
    async def predict_batch(self, batch: Batch, /) -> BatchPrediction:
        """Probabilities and decisions of 1 to 10,000 customers, all or nothing."""
        scorer = _worker().models.required()
        customers = await validate_rows(batch.customers, scorer.validator)
        answer = await _worker().predictor.predict_batch(scorer, customers, "in-process")
        return BatchPrediction.model_validate_json(answer)

    def __is_ready__(self) -> bool:
        """Whether a model is loaded, for BentoML's own `/readyz`."""
        return _worker().models.scorer is not None

    @bentoml.on_deployment  # type: ignore[untyped-decorator]  # BentoML's decorators are not typed
    def supervise() -> None:
        """Prepare the process that starts the workers: the only one in which BentoML calls this."""
        supervise_workers()
        clean_metrics_folders()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]  # BentoML's decorators are not typed
    def stop(self) -> None:
        """Stop polling, close the journal, send the last traces."""
        _worker().stop()
