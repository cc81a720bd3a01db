"""Columns of a request: named and typed like the fields of a record, and as strictly."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from churn.errors import Problem, RecordError
from churn.schema.feature import REQUEST_ID, Feature
from churn.schema.record import MAX_PROBLEMS, REQUEST_ID_LENGTH, RecordValidator
from churn.scoring.batch import row_problems
from churn.scoring.columns.reader import ColumnReader, CustomerColumns, Flags

_UNPRINTABLE = "[\x00-\x1f\x7f-\x9f\u2028\u2029]"
_SHOWN_CHARACTERS = 64
_OF_NO_TYPE = ()
"""A value that no field takes."""


class Part(NamedTuple):
    """[n] customers of a request.

    Attributes:
        columns: their features.
        ids: that the client gave them, null where it gave none; None where it gave none at all.
        valid: whether each keeps to the schema, and its id to the rules of ids.

    """

    columns: CustomerColumns
    ids: pa.StringArray | None
    valid: Flags

    @property
    def rows(self) -> int:
        """How many customers there are."""
        return len(self.valid)


class RequestColumns:
    """The columns of the batches of one request.

    Args:
        found: names and types of the columns.
        validator: of the records.

    Attributes:
        names: of the columns that are read.
        retired: fields of earlier schemas that are there.

    Raises:
        RecordError: columns are missing, unknown, there twice, or of another type.

    """

    def __init__(self, found: pa.Schema, validator: RecordValidator) -> None:
        schema = validator.schema
        self._validator = validator
        self._reader = ColumnReader(schema)
        features = {feature.name: feature for feature in schema.feature}
        good = [field.name for field in found if _fits(field, features, schema.retired)]
        if problems := [*_twice(found.names), *self._problems_of(found, good)]:
            raise RecordError("the columns of the batch are not valid", problems[:MAX_PROBLEMS])
        self.names = [name for name in found.names if name not in schema.retired]
        self.retired = [name for name in schema.retired if name in found.names]

    def read(self, batch: pa.RecordBatch) -> Part:
        """Read [rows] customers of a batch of texts that are no views (`stream.py`)."""
        columns = {name: batch.column(name) for name in self.names}
        ids = columns.pop(REQUEST_ID, None)
        found = self._reader.read(columns, batch.num_rows)
        if ids is None or pa.types.is_null(ids.type):
            return Part(found, None, found.valid)
        ids = ids.cast(pa.string())
        return Part(found, ids, found.valid & _usable(ids))

    def problems(self, batch: pa.RecordBatch, row: int, number: int) -> list[Problem]:
        """What the validator says of an invalid row of a batch, which is the request's row of that number."""
        record = {name: _json_value(batch.column(name)[row].as_py()) for name in self.names}
        unknown: Problem = {"loc": ["customers", number], "msg": "The row is not valid", "type": "value_error"}
        return row_problems([record], number, self._validator) or [unknown]

    def _problems_of(self, found: pa.Schema, good: Sequence[str]) -> list[Problem]:
        """What the validator says of a record with these columns, of which only the good ones have a good value."""
        problems = row_problems([dict.fromkeys(found.names, _OF_NO_TYPE)], 0, self._validator)
        problems = [problem for problem in problems if problem["loc"][-1] not in good]
        kinds = {field.name: str(field.type)[:_SHOWN_CHARACTERS] for field in found}
        for problem in problems:
            if problem["type"].endswith("_type"):
                problem["msg"] += f"; the column's type is {kinds[str(problem['loc'][-1])]}"
        for name in self._validator.schema.retired:
            if name in kinds and name not in good:
                problems.append(_problem(name, f"A column of the type {kinds[name]} is not taken"))
        return problems


def _problem(name: str, message: str) -> Problem:
    return {"loc": ["customers", 0, name[:_SHOWN_CHARACTERS]], "msg": message, "type": "arrow_invalid"}


def _twice(names: Sequence[str]) -> list[Problem]:
    return [_problem(name, "The column is there twice") for name, times in Counter(names).items() if times > 1]


def _fits(field: pa.Field, features: Mapping[str, Feature], retired: Sequence[str]) -> bool:
    kind = field.type
    if isinstance(kind, pa.BaseExtensionType):
        return False
    if pa.types.is_null(kind):
        return field.name in features or field.name == REQUEST_ID or field.name in retired
    if field.name in features:
        return _fits_feature(kind, features[field.name])
    if field.name == REQUEST_ID:
        return _is_text(kind)
    return field.name in retired and (_is_category(kind) or pa.types.is_primitive(kind) or pa.types.is_decimal(kind))


def _fits_feature(kind: pa.DataType, feature: Feature) -> bool:
    if feature.is_category:
        return _is_category(kind)
    if feature.kind == "boolean":
        return bool(pa.types.is_boolean(kind))
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_category(kind: pa.DataType) -> bool:
    return _is_text(kind.value_type if pa.types.is_dictionary(kind) else kind)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _usable(ids: pa.StringArray) -> Flags:
    lengths = pc.fill_null(pc.utf8_length(ids), 1).to_numpy(zero_copy_only=False)
    usable: Flags = (lengths >= 1) & (lengths <= REQUEST_ID_LENGTH)
    forged = pc.fill_null(pc.match_substring_regex(ids, _UNPRINTABLE), fill_value=False)
    usable &= ~forged.to_numpy(zero_copy_only=False)
    return usable


def _json_value(value: object) -> object:
    """A value of a column as JSON would have brought it."""
    return float(value) if isinstance(value, Decimal) else value
