"""Format of a journal line: as the service writes it and, in SQL, as drift reads it.

A line is broken when it is not a JSON object with a model, a time, a probability in [0, 1] and features. The features
of other models may be of any schema; those of the model that is read are of its own, and a line without any of them is
broken too, unless all are optional. A number that is absent or of another type is missing, and so is a boolean that is
neither true (1) nor false (0). So is a text that is absent or nested (an array or an object); a number or a truth value
in its place counts as the text of its JSON.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from churn.journal.moments import EARLIEST, LATEST, format_moment
from churn.schema.definition import Schema
from churn.schema.feature import Feature
from churn.schema.record import RECORD_VERSION
from churn.sql import quote_text

_TAIL = b',"schema_version":%d}\n' % RECORD_VERSION
_TIME = (
    "[0-9]{4}-[0-9]{2}-[0-9]{2}"
    "([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?(Z|[+-][01][0-9]:[0-5][0-9])?)?"
)
"""Regular expression of a whole `ts`: DuckDB alone knows other forms of time too."""


class FutureLines(NamedTuple):
    """Lines dated later than now, written by a clock that was ahead.

    Attributes:
        rows: number of such lines.
        latest: the latest of their dates, in microseconds since 1970 UTC.

    """

    rows: int = 0
    latest: int = 0

    def __str__(self) -> str:
        plural = "s" if self.rows > 1 else ""
        return f"{self.rows:,} line{plural} dated later than now (up to {format_moment(self.latest)})"

    @property
    def note(self) -> str:
        """The end of a message that there is too little data; empty where there are no such lines."""
        if not self.rows:
            return ""
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return f"; left out: {self}: the clock that wrote them is ahead, or this machine's, {now}, is behind"

    def as_json(self) -> dict[str, Any]:
        """The form that docs/drift.md documents."""
        latest = format_moment(self.latest) if self.rows else None
        return {"future_lines": self.rows, "latest_future_utc": latest}


def journal_line(answer: bytes) -> bytes:
    """Journal line of an answer: its JSON object with the version of the format, and a newline."""
    return answer[:-1] + _TAIL


class Served(NamedTuple):
    """The model whose features are read.

    Attributes:
        model: its BentoML tag.
        schema: of its table.

    """

    model: str
    schema: Schema


def feature_columns(schema: Schema) -> dict[str, str]:
    """Column of each feature in tables, by name: a feature may be called like any other column."""
    return {name: f"f{number}" for number, name in enumerate(schema.feature_names)}


def json_types(served: Served | None, *, ids: bool) -> dict[str, str]:
    """DuckDB types of the keys of a line that are read; a line that is no JSON object has NULL for each.

    Args:
        served: the model whose features are read; None: no features are.
        ids: whether `request_id`, `prediction` and `threshold` are read too.

    """
    # A name is a Python identifier: it holds no quotes.
    names = ", ".join(f'"{name}" JSON' for name in served.schema.feature_names) if served else ""
    features = f"STRUCT({names})" if served else "JSON"
    types = {"model_version": "JSON", "ts": "VARCHAR", "probability": "JSON", "features": features}
    return types | ({"request_id": "JSON", "prediction": "TINYINT", "threshold": "DOUBLE"} if ids else {})


def expressions(served: Served | None, *, ids: bool) -> list[str]:
    """SQL of model, probability, moment (in microseconds), each feature, `whole`, and with `ids` the three others.

    `whole` says whether the line has the features that a line of its model must have.
    """
    columns = feature_columns(served.schema) if served else {}
    return [
        f"{_text('model_version')} AS model",
        f"{_number('probability')} AS probability",
        f"CASE WHEN regexp_full_match(ts, '{_TIME}') THEN epoch_us(try_cast(ts AS TIMESTAMPTZ)) END AS moment",
        *(f"{_value(feature)} AS {columns[feature.name]}" for feature in (served.schema.feature if served else ())),
        f"{_whole(served)} AS whole",
        *((f"{_text('request_id')} AS request_id", "prediction", "threshold") if ids else ()),
    ]


def _whole(served: Served | None) -> str:
    if served is None:
        return "left(features::VARCHAR, 1) = '{'"
    if all(feature.optional for feature in served.schema.feature):
        return "features IS NOT NULL"
    some = ", ".join(f"{column} IS NOT NULL" for column in feature_columns(served.schema).values())
    return f"features IS NOT NULL AND (model <> {quote_text(served.model)} OR greatest({some}))"


def _value(feature: Feature) -> str:
    column = f'features."{feature.name}"'
    if feature.is_category:
        return f"nullif({_text(column)}, '')"
    if feature.kind == "boolean":
        return f"CASE {column}::VARCHAR WHEN 'true' THEN 1.0::DOUBLE WHEN 'false' THEN 0.0::DOUBLE END"
    return _number(column)


def _number(column: str) -> str:
    """SQL of a JSON column as a number, NULL where it is of another type: the JSON of a text has quotes."""
    number = f"try_cast({column}::VARCHAR AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def _text(column: str) -> str:
    """SQL of a JSON column as text, NULL where it is nested: the JSON of a text begins with a quote."""
    json = f"{column}::VARCHAR"
    return f"""CASE left({json}, 1) WHEN '"' THEN {column} ->> '$' WHEN '[' THEN NULL WHEN '{{' THEN NULL
               WHEN 'n' THEN NULL ELSE {json} END"""


READABLE = f"model IS NOT NULL AND moment BETWEEN {EARLIEST} AND {LATEST} AND probability BETWEEN 0 AND 1 AND whole"
"""SQL condition, on the columns of `expressions`, of a line that is not broken."""
