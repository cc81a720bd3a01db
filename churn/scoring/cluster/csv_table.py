"""CSV files of customers, read by Arrow wherever they are: numbers as such, all else as texts."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pyarrow as pa
from pyarrow import csv

from churn.data.columns import Columns
from churn.data.csv_dialect import Dialect, find_dialect
from churn.errors import DataError
from churn.schema.definition import Schema
from churn.scoring.cluster.location import InputFile, Location

_HEAD_BYTES = 2**18
_BLOCK_BYTES = 2**22


class CsvForm(NamedTuple):
    """How the CSV files of a table are written.

    Attributes:
        dialect: header, delimiter and decimal mark.
        types: of each column: float64 of the features that are numbers, string of the others.
        missing: fields that mean that nothing is known.

    """

    dialect: Dialect
    types: Mapping[str, pa.DataType]
    missing: Sequence[str]

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns, in the file's order."""
        return pa.schema([(name, self.types[name]) for name in self.dialect.names])


def find_form(source: Location, files: Sequence[InputFile], schema: Schema) -> CsvForm:
    """The form that all of a table's CSV files have.

    Raises:
        DataError: one has no header, or another one than the first; or it cannot be read.

    """
    dialect = _dialect(source, files[0])
    for file in files[1:]:
        if _dialect(source, file) != dialect:
            raise DataError(f"{file.path} has another header or delimiter than {files[0].path}; score it by itself")
    numbers = {feature.in_files for feature in schema.feature if feature.kind in ("integer", "number")}
    types = {name: pa.float64() if name in numbers else pa.string() for name in dialect.names}
    return CsvForm(dialect, types, sorted(Columns(schema).missing))


def read_csv(opened: pa.NativeFile, columns: Sequence[str], form: CsvForm) -> Iterator[pa.RecordBatch]:
    """Read these columns of all rows, in order.

    Raises:
        pa.ArrowException: the file is damaged, or a number is none: names column, row and value.

    """
    dialect = form.dialect
    with csv.open_csv(
        opened,
        csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES, column_names=dialect.names, skip_rows=dialect.line),
        csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True),
        csv.ConvertOptions(
            column_types=form.types,
            include_columns=list(columns),
            null_values=form.missing,
            decimal_point=dialect.decimal,
        ),
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
