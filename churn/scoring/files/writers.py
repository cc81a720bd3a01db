"""Writers of scores: one file each, Parquet, Arrow or CSV, the same bytes for the same rows."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn.errors import DataError
from churn.scoring.files.options import Form

_GROUP_ROWS = 131_072
_GROUP_BYTES = 2**25
_SPLIT = ("probability",)  # its bytes side by side: digits of a float do not repeat
_NO_DICTIONARY = (*_SPLIT, "rank", "reasons")
LIST_SEPARATOR = "; "
_NEEDS_QUOTES = '[",\r\n]'


class Writer(Protocol):
    """Takes batches of one schema, in order."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Write rows."""
        ...

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        ...


@contextlib.contextmanager
def open_writer(form: Form, path: Path, schema: pa.Schema) -> Iterator[Writer]:
    """Open a file for writing; it is whole where no error is raised.

    Args:
        form: of the file.
        path: it is made, or overwritten.
        schema: of the rows; its metadata goes into the file, except into CSV, which has none.

    Raises:
        DataError: CSV cannot hold a column.
        OSError: it cannot be written.

    """
    kinds: Mapping[Form, type[_ParquetWriter | _ArrowWriter | _CsvWriter]]
    kinds = {"parquet": _ParquetWriter, "arrow": _ArrowWriter, "csv": _CsvWriter}
    with path.open("wb") as file:
        with _refusing(form):
            writer = kinds[form](file, schema)
        try:
            yield writer
            writer.close()
        except BaseException:
            writer.abandon()
            raise


@contextlib.contextmanager
def _refusing(form: Form) -> Iterator[None]:
    """Turn what Arrow says of values that a form cannot hold into a message for the user.

    Raises:
        DataError: it said something.
    """
    try:
        yield
    except pa.ArrowException as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"a .{form} file cannot hold the columns to carry along: {reason}") from None


class _GroupWriter:
    """Writes rows in groups of about the same size, whatever the size of the batches in which they come."""

    _form: Form

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._batches: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Gather rows, and write them where they are many."""
        self._batches.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        if self._batches:
            self._flush()
        self._end()

    def abandon(self) -> None:
        """Write nothing more, not even the end of the file."""

    def _flush(self) -> None:
        batches, self._batches, self._rows, self._bytes = self._batches, [], 0, 0
        with _refusing(self._form):
            # In one piece: where chunks end would show in the bytes of the file.
            self._write_group(pa.Table.from_batches(batches).cast(self._schema).combine_chunks())

    def _write_group(self, table: pa.Table) -> None:
        raise NotImplementedError

    def _end(self) -> None:
        raise NotImplementedError


class _ParquetWriter(_GroupWriter):
    _form = "parquet"

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        super().__init__(schema)
        self._writer = pq.ParquetWriter(
            file,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[path for path in _leaves(schema) if path not in _NO_DICTIONARY],
            column_encoding=dict.fromkeys(_SPLIT, "BYTE_STREAM_SPLIT"),
        )

    def _write_group(self, table: pa.Table) -> None:
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))

    def _end(self) -> None:
        self._writer.close()

    def abandon(self) -> None:
        """What is dropped open would try to write the end of its file, which is closed by then, and say so."""
        self._writer.is_open = False


class _ArrowWriter(_GroupWriter):
    _form = "arrow"

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        super().__init__(schema)
        self._writer = pa.ipc.new_file(file, schema)

    def _write_group(self, table: pa.Table) -> None:
        self._writer.write_table(table)

    def _end(self) -> None:
        self._writer.close()


class _CsvWriter:
    """CSV by RFC 4180, lines ended by a line feed; lists are joined, and missing values are empty."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self._file = file
        for field in schema:
            kind = field.type.value_type if pa.types.is_list(field.type) else field.type
            try:
                pa.nulls(0, kind).cast(pa.string())
            except pa.ArrowException:
                raise DataError(f"CSV cannot hold column {field.name} of type {field.type}; choose .parquet") from None
        file.write(_lines([pa.array([name], pa.string()) for name in schema.names]))

    def write(self, batch: pa.RecordBatch) -> None:
        """Write rows."""
        if batch.num_rows:
            columns = zip(batch.schema.names, batch.columns, strict=True)
            with _refusing("csv"):
                lines = _lines([_texts(name, column) for name, column in columns])
            self._file.write(lines)

    def close(self) -> None:
        """Nothing is left to write."""

    def abandon(self) -> None:
        """Nothing is left to write."""


def _leaves(schema: pa.Schema) -> list[str]:
    """Columns as Parquet names them."""
    return [f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name for field in schema]


def _texts(name: str, column: pa.Array) -> pa.StringArray:
    """[rows] a column as text; the probability as in the JSON of an answer."""
    if name == "probability":
        return pa.array(number_texts(column.to_numpy()), pa.string())
    if pa.types.is_list(column.type):
        return _joined(column.cast(pa.list_(pa.string())))
    return column.cast(pa.string())


def _joined(lists: pa.ListArray) -> pa.StringArray:
    """[rows] lists of texts as one text each, in which a missing item is empty."""
    if lists.flatten().null_count:  # for which Arrow would leave out the whole list
        texts = [None if items is None else [item or "" for item in items] for items in lists.to_pylist()]
        lists = pa.array(texts, lists.type)
    return pc.binary_join(lists, LIST_SEPARATOR)


def number_texts(values: npt.NDArray[np.float64]) -> list[str]:
    """[n] the shortest texts of numbers that are there, as in JSON."""
    text = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].decode()
    return text.split(",") if text else []


def _lines(columns: Sequence[pa.StringArray]) -> pa.Buffer:
    """The bytes of rows, given as texts."""
    *others, last = [_quoted(column) for column in columns]
    ended = pc.binary_join_element_wise(last, "\n", "", null_handling="replace")
    rows = pc.binary_join_element_wise(*others, ended, ",", null_handling="replace")
    return pc.binary_join(pa.ListArray.from_arrays([0, len(rows)], rows), "")[0].as_buffer()


def _quoted(column: pa.StringArray) -> pa.StringArray:
    wild = pc.fill_null(pc.match_substring_regex(column, _NEEDS_QUOTES), False)
    if not wild.true_count:
        return column
    doubled = pc.replace_substring(column, '"', '""')
    return pc.if_else(wild, pc.binary_join_element_wise('"', doubled, '"', ""), column)
