"""Columns of a table, as files and data frames hold them: found by the schema, and turned into those of a record.

A table calls a feature what the schema's `column` says. NULL, NaN, the empty text and the schema's `missing` are
missing values. A category may be whole numbers; a boolean may be 0 and 1, or texts such as yes and no.
"""

import difflib
from collections.abc import Callable, Collection, Sequence

import pyarrow as pa

from churn.data.columns import Columns, shorten
from churn.errors import DataError
from churn.schema.definition import Schema
from churn.schema.feature import Feature
from churn.scoring.columns.numerals import parse_numbers, with_point
from churn.scoring.columns.reader import ColumnReader, CustomerColumns

_NUMERIC = ("integer", "number")
_FEW = 10_000
_SHOWN = 10
_CLOSE = 0.8
"""How alike names are, from 0 to 1, of which one may be meant by the other."""
_OTHERWISE = "If it is something else, give it a less similar name, and the column is scored as missing"
_ALLOWED = {
    "integer": "a number type",
    "number": "a number type",
    "boolean": "a boolean, or 0 or 1, or such texts",
    "category": "text or whole numbers",
}


class TableColumns:
    """The columns of tables of one form.

    Args:
        found: names and types of the table's columns.
        schema: that they should keep to.
        decimal: mark of numbers that are written as texts; None where numbers have a type.
        carried: columns that are there for another use.

    Attributes:
        names: of the columns that are read.
        coded: those of them that had better come as a dictionary of texts, where they are texts: few are distinct.
        notes: what a person should know: columns that are left out, and optional ones that are not there.

    Raises:
        DataError: columns are missing or of another type, or are there twice.

    """

    def __init__(
        self, found: pa.Schema, schema: Schema, *, decimal: str | None = None, carried: Collection[str] = ()
    ) -> None:
        self.schema = schema
        self._carried = carried
        self._decimal = decimal
        self._rules = Columns(schema)
        self._reader = ColumnReader(schema, missing=self._rules.missing, nan_is_missing=True)
        self._features = {feature.in_files: feature for feature in schema.feature if feature.in_files in found.names}
        if problems := [*self._absent(found.names), *_few(self._twice(found.names)), *_few(self._types(found))]:
            raise DataError("\n  ".join(["the table cannot be scored:", *problems]))
        self.names = list(self._features)
        self.coded = [name for name, feature in self._features.items() if _has_few_values(feature)]
        self.notes = self._notes(found.names)

    def read(self, batch: pa.RecordBatch) -> CustomerColumns:
        """Read [rows] customers."""
        columns = {
            feature.name: self._as_in_a_record(feature, batch.column(name)) for name, feature in self._features.items()
        }
        return self._reader.read(columns, batch.num_rows)

    def problems(self, batch: pa.RecordBatch, row: int) -> list[tuple[str, str]]:
        """What is wrong with an invalid row: the column, and its value and what is allowed, in words."""
        found = []
        for feature in self.schema.feature:
            column = feature.in_files
            value = _value(batch.column(column), row) if column in self._features else None
            if isinstance(value, bytes):
                found.append((column, f"{shorten(value.decode(errors='backslashreplace'))} is not UTF-8 text"))
                continue
            text = as_text(value)
            # Of numbers that have a type, no value means that nothing is known.
            if text == "" or (text in self._rules.missing and (isinstance(value, str) or feature.kind not in _NUMERIC)):
                if not feature.optional:
                    found.append((column, f"{shorten(text)} is a missing value, and the schema refuses that"))
            elif problem := self._rules.field_problem(column, self._plain(feature, text)):
                found.append((column, f"{shorten(text)} {problem}"))
        return found

    def _plain(self, feature: Feature, text: str) -> str:
        """A text with a decimal point, where it is a number's."""
        return with_point(text, self._decimal) if self._decimal and feature.kind in _NUMERIC else text

    def _absent(self, names: Sequence[str]) -> list[str]:
        """Features that must be there and are not; and optional ones that are there under a similar name."""
        expected = {*self._known_names(names), *(feature.in_files for feature in self.schema.feature)}
        others = {name.strip().lower(): name for name in names if name not in expected}
        problems = []
        for feature in self.schema.feature:
            if feature.in_files in self._features:
                continue
            meant = {feature.in_files.lower(), feature.name.lower()}
            close = [name for each in meant for name in difflib.get_close_matches(each, others, n=1, cutoff=_CLOSE)]
            hint = f"; did you mean {others[close[0]]!r}?" if close else ""
            if not feature.optional:
                problems.append(f"column {feature.in_files!r} is missing{hint}")
            elif close:
                problems.append(f"column {feature.in_files!r} is missing{hint} {_OTHERWISE}")
        if not problems and not self._features:
            problems.append("none of the model's columns is there")
        problems = _few(problems)
        if problems:
            problems.append(f"found: {shorten(','.join(names), 200)}")
        return problems

    def _known_names(self, names: Sequence[str]) -> set[str]:
        """The columns that may be there and are no features, as the schema says."""
        return {self.schema.target.column, *self.schema.retired, *self._rules.ignored(names)}

    def _twice(self, names: Sequence[str]) -> list[str]:
        return [f"column {name!r} is there twice" for name in self._features if names.count(name) > 1]

    def _types(self, found: pa.Schema) -> list[str]:
        return [
            f"column {name}: it holds {shorten(str(kind), 80)[1:-1]}; allowed: {_ALLOWED[feature.kind]}"
            for name, feature in self._features.items()
            if found.names.count(name) == 1 and not self._is_allowed(feature, kind := found.field(name).type)
        ]

    def _is_allowed(self, feature: Feature, kind: pa.DataType) -> bool:
        as_text = self._decimal is not None and is_text(kind)
        return (as_text and feature.kind in _NUMERIC) or _is_allowed(feature, kind)

    def _notes(self, names: Sequence[str]) -> list[str]:
        used = {*self._features, *self._carried, *self._known_names(names)}
        others = [name for name in names if name not in used]
        absent = [f.in_files for f in self.schema.feature if f.in_files not in self._features]
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        notes = [f"columns that the model does not use: {', '.join(others[:_SHOWN])}{more}"] if others else []
        return [*notes, *(f"column {name} is not there: scored as missing" for name in absent)]

    def _as_in_a_record(self, feature: Feature, column: pa.Array) -> pa.Array:
        if self._decimal and feature.kind in _NUMERIC and is_text(column.type):
            return parse_numbers(column, self._rules.missing, self._decimal)
        if feature.kind == "category":
            return column if is_text(column.type) or pa.types.is_null(column.type) else column.cast(pa.string())
        if feature.kind == "boolean" and not pa.types.is_boolean(column.type):
            return _by_text(column, self._rules.boolean)
        return column


def _few(problems: list[str]) -> list[str]:
    """The first ones, and how many more there are: a table may have hundreds of columns."""
    more = len(problems) - _SHOWN
    return problems if more <= 0 else [*problems[:_SHOWN], f"and {more} more like this"]


def is_text(kind: pa.DataType) -> bool:
    """Whether a column's values are texts."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def as_text(value: object) -> str:
    """A value as a CSV file would have it; empty for a missing one."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return ""
    if isinstance(value, float) and value.is_integer():
        return repr(int(value))
    return str(value)


def cell_text(column: pa.Array, row: int) -> str:
    """A value of a column of any type `as_text`; as Arrow shows it where Python has none like it."""
    try:
        return as_text(column[row].as_py())
    except (ValueError, OverflowError, KeyError):  # a moment after the year 9999, a time zone that nobody knows
        shown: str = column.slice(row, 1).to_string(skip_new_lines=True)
        return shown.strip("[]")


def _value(column: pa.Array, row: int) -> object:
    """A value of a column; bytes where it should be a text and is not in UTF-8."""
    try:
        return column[row].as_py()
    except UnicodeDecodeError:
        return column.slice(row, 1).cast(pa.large_string()).cast(pa.large_binary())[0].as_py()


def _has_few_values(feature: Feature) -> bool:
    return feature.kind in ("category", "boolean") or (feature.kind == "integer" and feature.high - feature.low <= _FEW)


def _is_allowed(feature: Feature, kind: pa.DataType) -> bool:
    if pa.types.is_null(kind):
        return True
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if feature.kind == "category":
        return is_text(kind) or pa.types.is_integer(kind)
    if feature.kind == "boolean":
        return bool(number or is_text(kind) or pa.types.is_boolean(kind))
    return bool(number)


def _by_text(column: pa.Array, value: Callable[[str], float]) -> pa.Array:
    """[rows] the number that each text, or number in its place, stands for."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    of_text = [value(as_text(item)) for item in encoded.dictionary.to_pylist()]
    return pa.array(of_text, pa.float64()).take(encoded.indices)
