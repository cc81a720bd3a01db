"""One line of the prediction journal, as drift reads it."""

import math
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from churn.schema import CATEGORICAL_NAMES, MISSING_CATEGORY, NUMERIC_NAMES


class Record(NamedTuple):
    """A prediction that was made.

    Attributes:
        moment: when, in microseconds since 1970 UTC.
        model: BentoML tag of the model that answered.
        probability: of churn, in [0, 1].
        values: the features in the order of `schema.FEATURE_NAMES`; NaN or `MISSING_CATEGORY` where missing.

    """

    moment: int
    model: str
    probability: float
    values: tuple[float | str, ...]


def parse_record(line: bytes) -> Record | None:
    """Read a journal line; None where it is broken.

    A line is broken when it is not a JSON object with a model, a time and a probability in [0, 1], or has
    none of the features. One feature that is absent or of the wrong type is a missing value.
    """
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    moment = parse_moment(document.get("ts"))
    model = document.get("model_version")
    probability = _number(document.get("probability"))
    if moment is None or not isinstance(model, str) or not 0 <= probability <= 1:
        return None
    features = document.get("features")
    values = _values(features) if isinstance(features, dict) else ()
    if all(value == MISSING_CATEGORY or value != value for value in values):  # noqa: PLR0124 - only NaN is not itself
        return None
    return Record(moment, model, probability, values)


def parse_moment(text: object) -> int | None:
    """Microseconds since 1970 of an ISO 8601 time; UTC where it names no zone. None where it is no time."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def format_moment(moment: int) -> str:
    """The reverse of `parse_moment`."""
    seconds, micros = divmod(moment, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros).isoformat().replace("+00:00", "Z")


def _values(features: dict[str, Any]) -> tuple[float | str, ...]:
    numbers = [_number(features.get(name)) for name in NUMERIC_NAMES]
    texts = [features.get(name) for name in CATEGORICAL_NAMES]
    return (*numbers, *(text if isinstance(text, str) else MISSING_CATEGORY for text in texts))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if math.isfinite(value) else math.nan
