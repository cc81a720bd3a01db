"""What a prediction looks like: the answer to one customer, the answer to a batch."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, Field

from churn.model.reasons.answer import Reasons
from churn.schema.record import Customer

if TYPE_CHECKING:  # service.py needs the answers, and its parent process no ONNX Runtime
    from churn.model.scorer import Scorer


class Prediction(BaseModel):
    """One answer of the model. `prediction` is 1 (churns) when `probability >= threshold`, else 0."""

    model_config = ConfigDict(protected_namespaces=())

    request_id: str
    model_version: str = Field(description="BentoML tag of the model that answered.")
    prediction: Literal[0, 1]
    probability: float = Field(ge=0, le=1)
    threshold: float = Field(ge=0, le=1)
    latency_ms: float = Field(ge=0, description="Time from the parsed request to the answer.")
    features: dict[str, Any] = Field(description="The features as the model saw them: trimmed and normalised.")
    ts: str = Field(description="UTC time of the answer, ISO 8601.")
    warnings: list[str] = Field(description="What was not scored as it stands: unseen, missing or retired.")
    reasons: Reasons | None = Field(default=None, description="There with `explain=true`.")


class Scored(NamedTuple):
    """A customer with the probability that the model gave.

    Attributes:
        reasons: JSON of `Reasons`, where they are asked for.

    """

    customer: Customer
    request_id: str
    probability: float
    reasons: bytes | None = None


def milliseconds(seconds: float) -> float:
    """A delay as answers give it."""
    return round(seconds * 1e3, 3)


def utc_now() -> str:
    """The time as every answer gives it: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def render(scorer: "Scorer", scored: Scored, latency_ms: float, timestamp: str) -> bytes:
    """The JSON object of `Prediction` without reasons, answered `latency_ms` after its request was parsed."""
    customer, request_id, probability, _ = scored
    return orjson.dumps(
        {
            "request_id": request_id,
            "model_version": scorer.tag,
            "prediction": int(probability >= scorer.threshold),
            "probability": probability,
            "threshold": scorer.threshold,
            "latency_ms": latency_ms,
            "features": customer.features,
            "ts": timestamp,
            "warnings": scorer.warnings(customer),
        }
    )


def with_reasons(answer: bytes, reasons: bytes | None) -> bytes:
    """An answer, a JSON object, with its reasons, where there are any."""
    return answer if reasons is None else answer[:-1] + b',"reasons":' + reasons + b"}"


def render_batch_rows(scorer: "Scorer", rows: Sequence[Scored]) -> bytes:
    """The items of a batch's `predictions`, without the brackets of the list."""
    threshold = scorer.threshold
    items = [
        {"request_id": request_id, "prediction": int(probability >= threshold), "probability": probability}
        for _, request_id, probability, _ in rows
    ]
    if rows[0].reasons is None:
        return orjson.dumps(items)[1:-1]
    return b",".join(with_reasons(orjson.dumps(item), row.reasons) for item, row in zip(items, rows, strict=True))


def render_batch(scorer: "Scorer", rendered_rows: Sequence[bytes]) -> bytes:
    """The JSON object that answers a batch, from its rows as `render_batch_rows` gave them, part by part."""
    head = orjson.dumps({"model_version": scorer.tag, "threshold": scorer.threshold})
    return head[:-1] + b',"predictions":[' + b",".join(rendered_rows) + b"]}"
