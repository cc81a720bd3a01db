"""Screening of an Arrow IPC stream: what each message claims, before any of it is decoded.

A stream of a few hundred bytes can claim billions of rows, or the same bytes for each of a thousand columns. Arrow
verifies the flatbuffers and that buffers lie within their message; what decoding would cost is looked at here. The
tables and their slots are those of Message.fbs in Arrow's format.
"""

import contextlib
import struct
from collections.abc import Iterator

import flatbuffers.number_types as kinds
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from flatbuffers import encode, packer
from flatbuffers.table import Table

from churn.errors import RecordError

type Longs = npt.NDArray[np.int64]

MAX_MESSAGES = 4_096
MAX_BATCHES = 1_024
MAX_METADATA_BYTES = 2**20
_COLUMNS_OF_BATCHES = 20_000
"""Columns in all batches together: each costs a fixed time, however few its rows."""
_FEW_BATCHES = 16
_SHOWN_CHARACTERS = 200
_BEGIN = b"\xff\xff\xff\xff"
_END = b"\xff\xff\xff\xff\0\0\0\0"
_UNREADABLE = (
    pa.ArrowException,
    OSError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    OverflowError,
    MemoryError,
    struct.error,
)
"""What Arrow, and reading of a flatbuffer, raise over a stream that is damaged."""


def invalid(message: str) -> RecordError:
    """The error of a stream that cannot be read."""
    return RecordError("the Arrow stream is not valid", [{"loc": [], "msg": message, "type": "arrow_invalid"}])


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Whatever reading a stream raises is the stream's fault.

    Raises:
        RecordError: something was raised.
    """
    try:
        yield
    except _UNREADABLE as error:
        what = str(error).partition("\n")[0]
        raise invalid(what[:_SHOWN_CHARACTERS] or "it is damaged") from None


class Messages:
    """The messages of a stream, one at a time, as far as they are harmless.

    Args:
        body: the stream.
        max_rows: in all its batches.

    Attributes:
        schema: of its batches, which the caller must have checked to have flat columns before `screen`.
        rows: in the batches so far.

    Raises:
        RecordError: it does not begin with a schema.

    """

    def __init__(self, body: bytes, max_rows: int) -> None:
        self._body = body
        self._max_rows = max_rows
        if not body.startswith(_BEGIN):
            raise invalid(
                "it does not begin with a schema: the body must be of Arrow's stream format, not its file format"
            )
        with refusing():
            self._source = pa.BufferReader(body)
            self._reader = pa.ipc.MessageReader.open_stream(self._source)
            first = self._next()
            if first is None or first.type != "schema":
                raise invalid("it does not begin with a schema")
            self.schema: pa.Schema = pa.ipc.read_schema(first)
        self.rows = 0
        self._batches = 0
        self._most_batches = min(MAX_BATCHES, max(_FEW_BATCHES, _COLUMNS_OF_BATCHES // max(1, len(self.schema))))

    def screen(self) -> Iterator[None]:
        """Look at each message in turn.

        Raises:
            RecordError: one of them claims what it may not, or the stream ends before its end.
        """
        for _ in range(MAX_MESSAGES):
            with refusing():
                message = self._next()
                if message is None:
                    self._check_end()
                    return
                self._check(message)
            yield
        raise invalid(f"it has more than {MAX_MESSAGES:,} messages")

    def _next(self) -> pa.Message | None:
        try:
            message = self._reader.read_next_message()
        except StopIteration:
            return None
        if message.metadata.size > MAX_METADATA_BYTES:
            raise invalid(f"a message has more than {MAX_METADATA_BYTES:,} bytes of metadata")
        return message

    def _check_end(self) -> None:
        position = self._source.tell()
        if self._body[:position][-len(_END) :] != _END:
            raise invalid("it ends without the marker of its end: was it cut off?")
        if position != len(self._body):
            raise invalid("there are bytes after its end")

    def _check(self, message: pa.Message) -> None:
        header = _table(_root(message.metadata.to_pybytes()), 2)
        if message.type == "record batch":
            self._batches += 1
            if self._batches > self._most_batches:
                raise invalid(f"it has more than {self._most_batches:,} batches of rows: send fewer, larger ones")
            self._count(_number(header, 0))
            _check_arrays(header, len(self.schema), message.body.size)
        elif message.type == "dictionary":
            if _flag(header, 2):
                raise invalid("delta dictionaries are not taken")
            arrays = _table(header, 1)
            if _number(arrays, 0) > len(self._body):
                raise invalid("a dictionary claims more texts than the stream has bytes")
            _check_arrays(arrays, 1, message.body.size)
        else:
            raise invalid(f"a message of the kind {message.type!r} is not taken")

    def _count(self, rows: int) -> None:
        self.rows += max(rows, 0)
        if self.rows > self._max_rows:
            long = f"List should have at most {self._max_rows} items after validation, not {self.rows} or more"
            problem = [{"loc": ["customers"], "msg": long, "type": "too_long"}]
            raise RecordError("the batch is not valid", problem)  # type: ignore[arg-type]


def _check_arrays(header: Table, columns: int, body_bytes: int) -> None:
    """Check the flat columns of one message against its length and its body."""
    if _offset(header, 3):
        raise invalid("compressed batches are not taken: write the stream without compression")
    rows = _number(header, 0)
    nodes, buffers, views = _longs(header, 1, 2), _longs(header, 2, 2), _longs(header, 4, 1)
    if rows < 0 or len(nodes) != columns or (nodes[:, 0] != rows).any():
        raise invalid("a batch has columns of other lengths than its own, or too few or too many")
    if ((nodes[:, 1] < 0) | (nodes[:, 1] > rows)).any():
        raise invalid("a column claims more nulls than it has rows")
    # Disjoint buffers are no longer than the body, together; those of a bomb share its bytes.
    if ((buffers < 0) | (buffers > body_bytes)).any() or buffers[:, 1].sum() > body_bytes:
        raise invalid("the buffers of a batch are larger than its body")
    if ((views < 0) | (views > len(buffers))).any():
        raise invalid("a column claims more buffers than its batch has")


def _root(metadata: bytes) -> Table:
    return Table(metadata, encode.Get(packer.uoffset, metadata, 0))


def _offset(table: Table, slot: int) -> int:
    """Where in the table a field begins; 0 where it is not there."""
    offset: int = table.Offset(4 + 2 * slot)
    return offset


def _table(table: Table, slot: int) -> Table:
    offset = _offset(table, slot)
    if not offset:
        raise invalid("a message lacks its header")
    return Table(table.Bytes, table.Indirect(table.Pos + offset))


def _number(table: Table, slot: int) -> int:
    offset = _offset(table, slot)
    return int(table.Get(kinds.Int64Flags, table.Pos + offset)) if offset else 0


def _flag(table: Table, slot: int) -> bool:
    offset = _offset(table, slot)
    return bool(offset) and bool(table.Get(kinds.BoolFlags, table.Pos + offset))


def _longs(table: Table, slot: int, width: int) -> Longs:
    """A vector of structs of `width` longs, [n, width]."""
    offset = _offset(table, slot)
    if not offset:
        return np.empty((0, width), np.int64)
    count, start = table.VectorLen(offset), table.Vector(offset)
    return np.frombuffer(table.Bytes, "<i8", count * width, start).reshape(count, width)
