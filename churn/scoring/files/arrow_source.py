"""Arrow file of customers: the file format (Feather 2) or the stream format, mapped into memory."""

import mmap
from collections.abc import Collection, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pyarrow import ipc

from churn.errors import DataError
from churn.scoring.files.form import damage_reported, plain, shaped
from churn.scoring.files.source import PIECE_BYTES, PIECE_ROWS, Piece

_KIND = "Arrow"
_MAGIC = b"ARROW1"
_FEATHER_1 = b"FEA1"


class ArrowSource:
    """One Arrow file. Its attributes are those of `Source`.

    A batch of it that is compressed is in memory as a whole; of others only what a piece needs.

    Raises:
        DataError: it is not whole, or not Arrow.
        OSError: it cannot be read.

    """

    unit: Literal["line", "row"] = "row"
    decimal: str | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
        if start.startswith(_FEATHER_1):
            raise DataError(f"{path} cannot be read: it is Feather version 1; write it as version 2 or as Parquet")
        self._is_stream = start != _MAGIC
        with damage_reported(path, _KIND), self._opened(_Mapped(path)) as reader:
            self._found = reader.schema
        self.schema = plain(self._found)
        self.rows = None if self._is_stream else self._count_rows()

    def pieces(self, columns: Sequence[str], *, coded: Collection[str] = (), start: int = 0) -> Iterator[Piece]:
        """Read these columns of all rows, in order: `Source.pieces`."""
        places = [self._found.get_field_index(name) for name in columns]
        mapped, first = _Mapped(self.path), 0
        with damage_reported(self.path, _KIND), self._opened(mapped, places) as reader:
            for batch in _batches(reader):
                size = _piece_rows(batch)
                for offset in range(0, batch.num_rows, size):
                    part = batch.slice(offset, size)
                    if first >= start:
                        mapped.check_size()
                        part.validate(full=True)  # which a damaged file, read without that, would crash
                        yield Piece(first, part.num_rows, shaped(part, columns, coded))
                        mapped.forget()
                    first += part.num_rows

    def places(self) -> Iterator[int]:
        """The rows, counted from 1."""
        return count(1)

    def _count_rows(self) -> int:
        with damage_reported(self.path, _KIND), self._opened(_Mapped(self.path), [0]) as reader:
            rows: int = sum(batch.num_rows for batch in _batches(reader))
            return rows

    def _opened(
        self, mapped: "_Mapped", places: Sequence[int] | None = None
    ) -> ipc.RecordBatchFileReader | ipc.RecordBatchStreamReader:
        """A reader of all columns where they are used in place, or else of those at some places.

        A reader of some of a file's columns would copy all rows of a batch.
        """
        if self._is_stream:
            return ipc.open_stream(mapped.buffer, options=ipc.IpcReadOptions(included_fields=places))
        reader = ipc.open_file(mapped.buffer)
        if places is None or reader.num_record_batches == 0 or mapped.holds(reader.get_batch(0)):
            return reader
        return ipc.open_file(mapped.buffer, options=ipc.IpcReadOptions(included_fields=places))


class _Mapped:
    """A file as a buffer, whose pages do not stay in this process's memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = path.stat().st_size
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.buffer = pa.py_buffer(self._map)

    def holds(self, batch: pa.RecordBatch) -> bool:
        """Whether a batch's values are in the file as they are used: not compressed."""
        buffers = [buffer for column in batch.columns for buffer in column.buffers() if buffer and buffer.size]
        begin = self.buffer.address
        return all(begin <= buffer.address < begin + self.buffer.size for buffer in buffers)

    def forget(self) -> None:
        """Let go of the pages; what is read again comes from the system's cache."""
        self._map.madvise(mmap.MADV_DONTNEED)

    def check_size(self) -> None:
        """Raise `DataError` where the file has become shorter: to read what it had would end the process."""
        if self._path.stat().st_size < self._size:
            raise DataError(f"{self._path} has changed while it was read: it has become shorter")


def _batches(reader: ipc.RecordBatchFileReader | ipc.RecordBatchStreamReader) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, ipc.RecordBatchFileReader):
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)
    else:
        yield from reader


def _piece_rows(batch: pa.RecordBatch) -> int:
    taken: int = batch.nbytes // max(batch.num_rows, 1)
    return max(1, min(PIECE_ROWS, PIECE_BYTES // max(taken, 1)))
