"""Parquet file of customers, read by Arrow: a part of a row group at a time, columns side by side."""

from collections.abc import Collection, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.parquet_file import check_magic
from churn.scoring.columns.table import is_text
from churn.scoring.files.form import damage_reported, plain, shaped
from churn.scoring.files.source import PIECE_BYTES, PIECE_ROWS, Piece

_KIND = "Parquet"
_BUFFER = 2**20
_BUFFERS = 2**26
"""Bytes of a column, and of all, that are read at once; without a limit their whole row group would be."""


class _Run(NamedTuple):
    """Consecutive row groups that are read together: one, or small ones of no more rows than a piece has."""

    first: int
    rows: int
    groups: list[int]


class ParquetSource:
    """One Parquet file. Its attributes are those of `Source`.

    Raises:
        DataError: it is not whole, or not Parquet.
        OSError: it cannot be read.

    """

    unit: Literal["line", "row"] = "row"
    decimal: str | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        check_magic(path, ())
        with damage_reported(path, _KIND), pq.ParquetFile(path) as file:
            self.schema = plain(file.schema_arrow)
            self.rows: int | None = file.metadata.num_rows
            self._texts = {field.name for field in file.schema_arrow if is_text(field.type)}

    def pieces(self, columns: Sequence[str], *, coded: Collection[str] = (), start: int = 0) -> Iterator[Piece]:
        """Read these columns of all rows, in order: `Source.pieces`."""
        texts = [name for name in coded if name in self._texts]
        with (
            damage_reported(self.path, _KIND),
            # Neither all of a row group at once, as `pre_buffer` would, nor mapped: that shows as memory.
            pq.ParquetFile(self.path, read_dictionary=texts, pre_buffer=False, buffer_size=_buffer(columns)) as file,
        ):
            size = _piece_rows(file.metadata, columns)
            for run in _runs(file.metadata, size):
                if run.first + run.rows <= start:
                    continue
                first = run.first
                for batch in _batches(file, run, columns, size):
                    if first >= start:
                        yield Piece(first, batch.num_rows, shaped(batch, columns, coded))
                    first += batch.num_rows

    def places(self) -> Iterator[int]:
        """The rows, counted from 1."""
        return count(1)


def _buffer(columns: Sequence[str]) -> int:
    return min(_BUFFER, _BUFFERS // max(len(columns), 1))


def _batches(file: pq.ParquetFile, run: _Run, columns: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
    if len(run.groups) == 1:
        yield from file.iter_batches(size, row_groups=run.groups, columns=list(columns))
    else:
        table = file.read_row_groups(run.groups, columns=list(columns))
        yield from table.unify_dictionaries().combine_chunks().to_batches()


def _runs(metadata: pq.FileMetaData, size: int) -> Iterator[_Run]:
    """All row groups that have rows, in order: small ones together, `size` rows at most."""
    first, rows, groups = 0, 0, list[int]()
    for group in range(metadata.num_row_groups):
        found = metadata.row_group(group).num_rows
        if groups and rows + found > size:
            yield _Run(first, rows, groups)
            first, rows, groups = first + rows, 0, []
        if found:
            rows += found
            groups.append(group)
    if groups:
        yield _Run(first, rows, groups)


def _piece_rows(metadata: pq.FileMetaData, columns: Sequence[str]) -> int:
    """Rows of a piece: `PIECE_ROWS`, or fewer where they take more than `PIECE_BYTES`."""
    wanted, most = set(columns), 1.0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        chunks = [group.column(place) for place in range(group.num_columns)]
        taken = sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema.split(".")[0] in wanted)
        most = max(most, taken / max(group.num_rows, 1))
    return max(1, min(PIECE_ROWS, int(PIECE_BYTES / most)))
