"""CSV files of customers, read by Arrow wherever they are, as texts: what they mean is the scorer's to say."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pyarrow as pa
from pyarrow import csv

from churn.data.csv_dialect import Dialect, find_dialect
from churn.errors import DataError
from churn.scoring.cluster.location import InputFile, Location

_HEAD_BYTES = 2**18
_BLOCK_BYTES = 2**22


class CsvForm(NamedTuple):
    """How the CSV files of a table are written.

    Attributes:
        dialect: header, delimiter and decimal mark.

    """

    dialect: Dialect

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns, in the file's order."""
        return pa.schema([(name, pa.string()) for name in self.dialect.names])


def find_form(source: Location, files: Sequence[InputFile]) -> CsvForm:
    """The form that all of a table's CSV files have.

    Raises:
        DataError: one has no header, or another one than the first; or it cannot be read.

    """
    dialect = _dialect(source, files[0])
    for file in files[1:]:
        if _dialect(source, file) != dialect:
            raise DataError(f"{file.path} has another header or delimiter than {files[0].path}; score it by itself")
    return CsvForm(dialect)


def read_csv(opened: pa.NativeFile, columns: Sequence[str], form: CsvForm) -> Iterator[pa.RecordBatch]:
    """Read these columns of all rows, in order.

    Raises:
        pa.ArrowException: the file is damaged.

    """
    dialect = form.dialect
    with csv.open_csv(
        opened,
        csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES, column_names=dialect.names, skip_rows=dialect.line),
        csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True),
        csv.ConvertOptions(column_types=form.schema, include_columns=list(columns)),
    ) as reader:
        yield from reader


def _dialect(source: Location, file: InputFile) -> Dialect:
    """The dialect of a file, by its beginning, wherever it is."""
    name = PurePosixPath(file.path).name
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / name
        try:
            with source.files.open_input_file(file.path) as opened:
                head = opened.read(_HEAD_BYTES)
            copy.write_bytes(head if len(head) < _HEAD_BYTES else head[: head.rfind(b"\n") + 1])
            return find_dialect(copy)
        except DataError as error:
            raise DataError(str(error).replace(str(copy), file.path)) from None
        except OSError as error:
            raise DataError(f"{file.path} cannot be read: {error}") from None
