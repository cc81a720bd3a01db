"""Customers of an Arrow IPC stream: screened, decoded, validated, and cut into parts."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from churn.errors import Problem, RecordError
from churn.schema.definition import Schema
from churn.schema.record import MAX_PROBLEMS, RecordValidator
from churn.scoring.arrow.messages import Messages, invalid, refusing
from churn.scoring.arrow.request import Part, RequestColumns
from churn.scoring.batch import MAX_ROWS, invalid_rows

MAX_VALUES = 2_500_000
"""In memory 8 bytes each, beside the answer, of two requests at once."""
_PART_VALUES = 20_000
"""Values scored, journalled and answered in 3 to 6 ms."""
_VIEWED_BYTES = 8
"""Bytes of text that views may stand for, for each of the stream: many may share one text, and each is read."""
_VIEW_BYTES = 16
_OPTIONS = pa.ipc.IpcReadOptions(use_threads=False, ensure_alignment=pa.ipc.Alignment.DataTypeSpecific)


class ArrowCustomers(NamedTuple):
    """Valid customers.

    Attributes:
        parts: of them, in order, each to be worked on in one turn of the event loop.
        retired: fields of earlier schemas that they came with.

    """

    parts: Sequence[Part]
    retired: Sequence[str]

    @property
    def rows(self) -> int:
        """How many customers there are."""
        return sum(part.rows for part in self.parts)


def max_arrow_rows(schema: Schema) -> int:
    """Rows of a stream at most, whatever its bytes: a column of nulls takes none."""
    return max(MAX_ROWS, MAX_VALUES // len(schema.feature))


def part_rows(schema: Schema) -> int:
    """Rows between two turns of the event loop."""
    return max(16, _PART_VALUES // len(schema.feature))


async def parse_stream(body: bytes, validator: RecordValidator, most_rows: int | None = None) -> ArrowCustomers:
    """Read an Arrow IPC stream of customers, other tasks running in between.

    Args:
        body: the stream.
        validator: of the records.
        most_rows: of a part, where that is less than `part_rows`.

    Raises:
        RecordError: the body is not such a stream, its columns are not a record's, or rows are invalid: then all of
            them are refused, and `problems` names row and column of the first ones.

    """
    schema = validator.schema
    messages = Messages(body, max_arrow_rows(schema))
    with refusing():  # names and time zones that are not UTF-8, which are decoded when they are looked at
        columns = RequestColumns(messages.schema, validator)
    for _ in messages.screen():
        await asyncio.sleep(0)
    if not messages.rows:
        message = "List should have at least 1 item after validation, not 0"
        empty: Problem = {"loc": ["customers"], "msg": message, "type": "too_short"}
        raise RecordError("the batch is not valid", [empty])
    size = min(part_rows(schema), most_rows or messages.rows)
    parts: list[Part] = []
    problems: list[Problem] = []
    first = 0
    for batch in _pieces(_decoded(body, columns.names), size):
        with refusing():  # Arrow's own conversions, of decimals of hundreds of digits for one
            part = columns.read(batch)
        for row in np.flatnonzero(~part.valid).tolist():
            problems += columns.problems(batch, row, first + row)
            if len(problems) > MAX_PROBLEMS:
                raise invalid_rows(problems)
            await asyncio.sleep(0)
        parts.append(part)
        first += part.rows
        await asyncio.sleep(0)
    if problems:
        raise invalid_rows(problems)
    return ArrowCustomers(parts, columns.retired)


def _pieces(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, size):
            yield batch.slice(start, size)


def _decoded(body: bytes, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The batches of a screened stream, of the columns of these names, which may be trusted and are no views."""
    with refusing():
        reader = pa.ipc.open_stream(pa.py_buffer(body), options=_OPTIONS)
    seen: dict[str, list[int]] = {}
    while True:
        with refusing():
            try:
                batch = reader.read_next_batch().select(names)
            except StopIteration:
                return
            plain = [_plain(name, batch.column(name), seen, len(body)) for name in names]
        yield pa.RecordBatch.from_arrays(plain, names)


def _plain(name: str, column: pa.Array, seen: dict[str, list[int]], body_bytes: int) -> pa.Array:
    """A column that was validated, texts as such instead of views of them.

    Args:
        name: of it.
        column: as it was decoded.
        seen: addresses of the dictionary that was validated last, by column: many batches may share one.
        body_bytes: of the stream.

    """
    if not pa.types.is_dictionary(column.type):
        return _texts(column, body_bytes)
    indices, dictionary = column.indices, column.dictionary
    indices.validate(full=True)
    bounds = pc.min_max(indices).as_py()
    if bounds["min"] is not None and not 0 <= bounds["min"] <= bounds["max"] < len(dictionary):
        raise invalid(f"an index of the column {name[:64]!r} is outside of its dictionary")
    place = [len(dictionary), dictionary.offset, *(buffer.address if buffer else 0 for buffer in dictionary.buffers())]
    if seen.get(name) != place or pa.types.is_string_view(dictionary.type):
        dictionary = _texts(dictionary, body_bytes)
        seen[name] = place
    return pa.DictionaryArray.from_arrays(indices, dictionary, safe=False)


def _texts(column: pa.Array, body_bytes: int) -> pa.Array:
    """A validated column, texts as such instead of views of them."""
    if not pa.types.is_string_view(column.type):
        column.validate(full=True)
        return column
    views = column.buffers()[1]
    if views.size < (column.offset + len(column)) * _VIEW_BYTES:
        raise invalid("a column of views is cut off")
    lengths = np.frombuffer(views, "<i4")[:: _VIEW_BYTES // 4].astype(np.int64)
    if (lengths < 0).any() or lengths.sum() > _VIEWED_BYTES * body_bytes:
        raise invalid("views share texts so often that these are many times the stream: write plain texts")
    column.validate(full=True)
    return column.cast(pa.large_string())
