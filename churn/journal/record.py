"""One line of the prediction journal, as drift reads it."""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from churn.schema.record import CATEGORICAL_NAMES, MISSING_CATEGORY, NUMERIC_NAMES

JOURNAL_TIME = (
    "[0-9]{4}-[0-9]{2}-[0-9]{2}"
    "([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?(Z|[+-][01][0-9]:[0-5][0-9])?)?"
)
"""The whole of a `ts`, for both readers of the journal: Python and DuckDB each know other forms of time too."""
_JOURNAL_TIME = re.compile(JOURNAL_TIME)
_CLOCKS_DIFFER = timedelta(minutes=5)


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


class FutureLines(NamedTuple):
    """Lines dated later than now, written by a clock that was ahead.

    Attributes:
        rows: how many there are.
        latest: the latest of their dates, in microseconds since 1970 UTC.

    """

    rows: int = 0
    latest: int = 0

    def __str__(self) -> str:
        plural = "s" if self.rows > 1 else ""
        return f"{self.rows:,} line{plural} dated later than now (up to {format_moment(self.latest)})"

    @property
    def note(self) -> str:
        """The end of a message that there is too little to judge; empty where there are no such lines."""
        if not self.rows:
            return ""
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return f"; left out: {self}: the clock that wrote them is ahead, or this machine's, {now}, is behind"

    def as_json(self) -> dict[str, Any]:
        """The form that docs/drift.md documents."""
        latest = format_moment(self.latest) if self.rows else None
        return {"future_lines": self.rows, "latest_future_utc": latest}


def latest_moment() -> int:
    """The latest moment of a line that counts, in microseconds since 1970 UTC: now, and what clocks may differ by."""
    return _micros(datetime.now(UTC) + _CLOCKS_DIFFER)


def parse_record(line: bytes) -> Record | None:
    """Read a journal line; None where it is broken.

    A line is broken when it is not a JSON object with a model, a time and a probability in [0, 1], or has
    none of the features. A number that is absent or of another type is missing. So is a text that is absent or
    nested (an array or an object); a number or a truth value in its place counts as the text of its JSON. The
    times that count are `JOURNAL_TIME`.

    `scan` reads lines in the same way.
    """
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    time = document.get("ts")
    moment = parse_moment(time) if isinstance(time, str) and _JOURNAL_TIME.fullmatch(time) else None
    model = _text(document.get("model_version"))
    probability = _number(document.get("probability"))
    if moment is None or model is None or not 0 <= probability <= 1:
        return None
    features = document.get("features")
    values = _values(features) if isinstance(features, dict) else ()
    if all(value == MISSING_CATEGORY or value != value for value in values):  # noqa: PLR0124 - only NaN is not itself
        return None
    return Record(moment, model, probability, values)


def parse_moment(text: object) -> int | None:
    """Microseconds since 1970 of an ISO 8601 time; UTC where it names no zone.

    None where it is no time, or in UTC not in the years 1 to 9999, which is what `format_moment` can write.
    """
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    micros = _micros(moment)
    return micros if EARLIEST <= micros <= LATEST else None


def format_moment(moment: int) -> str:
    """The reverse of `parse_moment`."""
    seconds, micros = divmod(moment, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros).isoformat().replace("+00:00", "Z")


def _values(features: dict[str, Any]) -> tuple[float | str, ...]:
    numbers = [_number(features.get(name)) for name in NUMERIC_NAMES]
    texts = [_text(features.get(name)) for name in CATEGORICAL_NAMES]
    return (*numbers, *(MISSING_CATEGORY if text is None else text for text in texts))


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return None if isinstance(value, list | dict) else orjson.dumps(value).decode()


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if math.isfinite(value) else math.nan


def _micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


EARLIEST, LATEST = _micros(datetime.min.replace(tzinfo=UTC)), _micros(datetime.max.replace(tzinfo=UTC))
"""The moments that have a date, in microseconds since 1970 UTC."""
