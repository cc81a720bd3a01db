"""Unit of work: as much of a file as one task reads, scores and writes, and does again where its machine is lost."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from churn.errors import DataError
from churn.scoring.cluster.csv_table import CsvForm, read_csv
from churn.scoring.cluster.location import InputFile, Location
from churn.scoring.table import BATCH_ROWS

UNIT_ROWS = 1_000_000
"""Row groups of a Parquet file are taken together until they have as many: seconds of work, and a part worth a file."""
_LISTERS = 16


class Unit(NamedTuple):
    """Consecutive rows.

    Attributes:
        path: of their file.
        groups: the row groups that hold them; None: all of a CSV file.
        rows: how many; None where the file does not say.

    """

    path: str
    groups: tuple[int, ...] | None
    rows: int | None

    def read(self, files: fs.FileSystem, columns: Sequence[str], form: CsvForm | None) -> Iterator[pa.RecordBatch]:
        """Read these columns, in order, in batches that are small beside the unit.

        Raises:
            DataError: the file is damaged.
            OSError: it cannot be read.

        """
        try:
            with files.open_input_file(self.path) as opened:
                if form:
                    yield from read_csv(opened, columns, form)
                else:
                    file = pq.ParquetFile(opened)
                    yield from file.iter_batches(BATCH_ROWS, row_groups=list(self.groups or ()), columns=list(columns))
        except pa.ArrowException as error:
            raise DataError(f"{self.path}: {error}") from None


class Footer(NamedTuple):
    """What a Parquet file says of itself.

    Attributes:
        path: of the file.
        schema: names and types of its columns.
        groups: rows of each row group.

    """

    path: str
    schema: pa.Schema
    groups: Sequence[int]

    def units(self) -> Iterator[Unit]:
        """Cut the file at the borders of its row groups."""
        groups, rows = list[int](), 0
        for group, more in enumerate(self.groups):
            groups.append(group)
            rows += more
            if rows >= UNIT_ROWS:
                yield Unit(self.path, tuple(groups), rows)
                groups, rows = [], 0
        if groups:
            yield Unit(self.path, tuple(groups), rows)


def read_footers(source: Location, files: Sequence[InputFile]) -> list[Footer]:
    """The footers of Parquet files, in order.

    Raises:
        DataError: one is no whole Parquet file, or cannot be read.

    """

    def read(file: InputFile) -> Footer:
        try:
            with source.files.open_input_file(file.path) as opened:
                metadata = pq.read_metadata(opened)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{file.path} is not a whole Parquet file, or cannot be read: {error}") from None
        groups = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        return Footer(file.path, metadata.schema.to_arrow_schema(), groups)

    with ThreadPoolExecutor(_LISTERS) as pool:
        return list(pool.map(read, files))
