"""CSV file of customers, all of whose columns are texts."""

import codecs
import io
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Literal, Self

import pyarrow as pa

from churn.data.csv_dialect import csv_records, find_dialect, take_header
from churn.data.csv_lines import Lines, rows_of
from churn.data.validation import wrong_width
from churn.errors import DataError
from churn.scoring.files.csv_blocks import BLOCK_BYTES, take_apart, whole_rows
from churn.scoring.files.form import shaped
from churn.scoring.files.source import PIECE_ROWS, Malformed, Piece

_EXACT_ROWS = 8_192
"""Rows of a piece that is read row by row."""
_SHOWN = 1_000
"""Characters of a malformed row that are kept."""


class CsvSource:
    """One CSV file. Its attributes are those of `Source`.

    Blocks of whole rows are taken apart by Arrow. One that it might take apart in another way than Python's reader, by
    which training reads what is unusual, is read by that, row by row.

    Args:
        path: of the file.
        block_bytes: so many are taken apart together.

    Raises:
        DataError: there is no header, the file is of another kind, or its beginning is not UTF-8.
        OSError: it cannot be read.

    """

    unit: Literal["line", "row"] = "line"
    rows: int | None = None

    def __init__(self, path: Path, block_bytes: int = BLOCK_BYTES) -> None:
        self.path = path
        self._block_bytes = block_bytes
        self.size = path.stat().st_size
        self._dialect = find_dialect(path)
        self.decimal: str | None = self._dialect.decimal
        self.schema = pa.schema([(name, pa.string()) for name in self._dialect.names])

    def pieces(self, columns: Sequence[str], *, coded: Collection[str] = (), start: int = 0) -> Iterator[Piece]:
        """Read these columns of all rows, in order: `Source.pieces`."""
        first = 0
        for batch, malformed in self._batches(columns, coded):
            rows = batch.num_rows + len(malformed)
            if first >= start:
                yield Piece(first, rows, batch, [row._replace(row=first + row.row) for row in malformed])
            first += rows

    def places(self) -> Iterator[int]:
        """The line on which each row begins."""
        for line, _ in csv_records(self.path, self._dialect):
            yield line

    def _batches(
        self, columns: Sequence[str], coded: Collection[str]
    ) -> Iterator[tuple[pa.RecordBatch, list[Malformed]]]:
        """The rows, with those that are malformed by their places in each batch."""
        names, delimiter = self._dialect.names, self._dialect.delimiter
        with self.path.open("rb") as file:
            begin = self._data_begin(file)
            while True:
                file.seek(begin)
                data = file.read(self._block_bytes)
                if not data:
                    return
                block = whole_rows(data, delimiter, is_last=len(data) < self._block_bytes)
                batch = block and take_apart(block, names, columns, coded, delimiter)
                if block is None or batch is None:
                    begin = yield from self._exact(file, begin, columns, coded)
                    continue
                for first in range(0, batch.num_rows, PIECE_ROWS):
                    yield batch.slice(first, PIECE_ROWS), []
                begin += len(block.data)

    def _data_begin(self, file: io.BufferedReader) -> int:
        """The byte after the header."""
        with _CountedLines(file, 0) as lines:
            take_header(rows_of(lines, self.path, self._dialect.delimiter))
            return lines.end

    def _exact(
        self, file: io.BufferedReader, begin: int, columns: Sequence[str], coded: Collection[str]
    ) -> Generator[tuple[pa.RecordBatch, list[Malformed]], None, int]:
        """The rows from a byte on, about a block of them, by Python's reader; returns the byte after them."""
        with _CountedLines(file, begin) as lines, self._faults_located():
            rows = self._records(lines)
            while lines.end - begin < self._block_bytes and (part := list(islice(rows, _EXACT_ROWS))):
                yield self._batch(part, columns, coded)
            # Of blank lines, which are no part, all were taken before the file's end was seen.
            return lines.end

    def _records(self, lines: "_CountedLines") -> Iterator[tuple[Sequence[str], str]]:
        """The fields and the text of each row."""
        width = len(self._dialect.names)
        for _, fields in rows_of(lines, self.path, self._dialect.delimiter):
            if any(fields) or len(fields) > width:
                yield fields, "" if len(fields) == width else "".join(lines.pending)

    def _batch(
        self, rows: Sequence[tuple[Sequence[str], str]], columns: Sequence[str], coded: Collection[str]
    ) -> tuple[pa.RecordBatch, list[Malformed]]:
        names = self._dialect.names
        whole = [fields for fields, _ in rows if len(fields) == len(names)]
        malformed = [
            Malformed(place, text.rstrip("\r\n")[:_SHOWN], wrong_width(fields, len(names))[0])
            for place, (fields, text) in enumerate(rows)
            if len(fields) != len(names)
        ]
        places = [names.index(name) for name in columns]
        arrays = [pa.array([fields[place] for fields in whole], pa.string()) for place in places]
        return shaped(pa.RecordBatch.from_arrays(arrays, names=list(columns)), columns, coded), malformed

    @contextmanager
    def _faults_located(self) -> Iterator[None]:
        """Find the line of a fault by a walk from the file's beginning, as lines are not counted otherwise."""
        try:
            yield
        except (DataError, UnicodeDecodeError):
            for _ in csv_records(self.path, self._dialect):
                pass
            raise


class _CountedLines(Lines):
    """The lines from a byte of a file on.

    Attributes:
        end: the byte after the lines that were taken.

    Raises:
        DataError: a line holds a NUL byte.

    """

    def __init__(self, file: io.BufferedReader, begin: int) -> None:
        file.seek(begin)
        self.end = begin
        if begin == 0 and file.peek(3).startswith(codecs.BOM_UTF8):
            self.end = file.seek(3)
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        super().__init__(self._text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.detach()

    def __next__(self) -> str:
        line = super().__next__()
        if "\0" in line:
            raise DataError("a NUL byte")
        self.end += len(line.encode())
        return line
