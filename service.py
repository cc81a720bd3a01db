"""The Bento service: `bentoml serve` runs it, `bentoml build` packs it.

HTTP in, domain, HTTP out. `POST /predict` and the GET routes are answered in front of BentoML's own
layers (serving/app.py); BentoML brings the server, the workers, the OpenAPI page, the Python
client, `/metrics`, and the build.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import bentoml

from churn.errors import SettingsError
from churn.schema.record import Customer, Prediction
from churn.scoring.batch import Batch, BatchPrediction
from churn.settings import read_settings
from container_image import IMAGE
from serving.upstream.circus import do_not_forget_to_stop
from serving.upstream.metrics_folder import remove_at_exit, use_own_metrics_folder

if TYPE_CHECKING:
    from serving.messages import AsgiApp
    from serving.runtime import Runtime


def _runtime() -> Runtime:
    """What this worker process holds; made at the first call."""
    # BentoML's parent process imports this file too: it must pay neither for ONNX Runtime nor for metrics,
    # whose storage must be opened in the worker.
    from serving.runtime import runtime  # noqa: PLC0415

    return runtime()


class FrontDoorService(bentoml.Service[Any]):  # type: ignore[misc]  # untyped: BentoML exports it lazily
    """A Bento service whose ASGI app has our front door before BentoML's layers."""

    def to_asgi(self, is_main: bool = True) -> AsgiApp:
        """The app that a worker serves. Called once in each worker process, never in their parent."""
        version = self.bento.tag.version if self.bento else None
        return _runtime().front_door(super().to_asgi(is_main), version or "source")


try:
    settings = read_settings()
except SettingsError as error:
    sys.stderr.write(f"churn-api cannot start:\n{error}\n")
    raise SystemExit(2) from None

use_own_metrics_folder()


@bentoml.service(
    name="churn-api",
    service_class=FrontDoorService,
    image=IMAGE,
    logging={"access": {"enabled": False}},
    workers=settings.workers,
    tracing={"excluded_urls": ".*"},  # BentoML's costs most of a request's time; ours is serving/tracing.py
)
class ChurnApi:
    """Predicts whether a customer will churn."""

    @bentoml.api(route="/predict")  # type: ignore[untyped-decorator]  # the same
    async def predict(self, customer: Customer, /) -> Prediction:
        """Probability that this customer churns, and the decision at the model's threshold."""
        answer = await _runtime().predictor.predict(customer, customer.request_id or "in-process")
        return Prediction.model_validate_json(answer)

    @bentoml.api(route="/predict/batch")  # type: ignore[untyped-decorator]  # the same
    async def predict_batch(self, batch: Batch, /) -> BatchPrediction:
        """The same for 1 to 10,000 customers: all or nothing."""
        answer = await _runtime().predictor.predict_batch(batch.customers, "in-process")
        return BatchPrediction.model_validate_json(answer)

    def __is_ready__(self) -> bool:
        """Drives BentoML's own `/readyz`."""
        return _runtime().served_model() is not None

    @bentoml.on_deployment  # type: ignore[untyped-decorator]  # the same
    def supervise() -> None:
        """Prepare the process that starts the workers: the only one in which BentoML calls this."""
        do_not_forget_to_stop()
        remove_at_exit()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]  # the same
    def stop(self) -> None:
        """Close what the worker holds."""
        _runtime().stop()
