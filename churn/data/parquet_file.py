"""Parquet reader by DuckDB, chunk by chunk."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd

from churn.console import Advance
from churn.data.columns import Columns, shorten
from churn.data.file_kind import foreign_kind
from churn.data.frame_builder import FrameBuilder
from churn.data.validation import Record, check_header, refuse
from churn.errors import DataError
from churn.files import duckdb_name
from churn.schema.target import Target
from churn.sql import NO_DOWNLOADS, quote_name

UNIT = "row"
SUFFIX = ".parquet"

_MAGIC = b"PAR1"
_CHUNK_VECTORS = 50  # of 2,048 rows each
_HIDDEN = re.compile("/[._]")
_NO_TABLES = {
    "_temporary": "it is still being written, or never was to its end",
    "_delta_log": "it is a Delta table, whose files hold former rows too; write it as Parquet",
}


class Types(NamedTuple):
    """Types that a column may have: in words, and by DuckDB's names."""

    description: str
    ids: frozenset[str]


_WHOLE = frozenset(f"{sign}{size}" for sign in ("", "u") for size in ("tinyint", "smallint", "integer", "bigint"))
TEXT = Types("text", frozenset({"varchar", "enum"}))
NUMBER = Types("a number type", _WHOLE | {"hugeint", "uhugeint", "float", "double", "decimal"})
BOOLEAN = Types("a boolean, or 0 or 1, or such texts", TEXT.ids | NUMBER.ids | {"boolean"})
LABEL = Types("text, a number or a boolean", BOOLEAN.ids)
CODE = Types("text or whole numbers", TEXT.ids | _WHOLE)
ID = Types(CODE.description, CODE.ids | {"uuid"})
_TYPES = {"integer": NUMBER, "number": NUMBER, "boolean": BOOLEAN, "category": CODE}


def is_parquet(path: Path) -> bool:
    """Whether a path is read as Parquet: a folder, or a file of that suffix."""
    return path.is_dir() or path.suffix.lower() == SUFFIX


def parquet_files(path: Path) -> list[Path]:
    """The files of a data set: itself, or what Spark and others write into a folder, in the order of their names.

    Names that begin with `.` or `_`, of files and folders, are marks and drafts, and no part of the table.

    Raises:
        DataError: it is a folder without Parquet files, or whose files are not all of its table.
    """
    if not path.is_dir():
        return [path]
    for mark, what in _NO_TABLES.items():
        if (path / mark).exists():
            raise DataError(f"{path} cannot be read: {what} ({mark} is in the folder)")
    files = sorted(file for file in path.rglob("*.parquet") if not _HIDDEN.search(f"/{file.relative_to(path)}"))
    if not files:
        raise DataError(f"{path} cannot be read: it is a folder without a file *.parquet")
    return files


def parquet_table(path: Path, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """The table of a file or folder; a value in the names of its own folders (`Contract=Monthly/`) is a column of it.

    Raises:
        duckdb.Error: it is damaged, or the files do not agree.
    """
    files = parquet_files(path)
    partitioned = any("=" in part for file in files for part in file.relative_to(path).parts[:-1])
    return connection.read_parquet([duckdb_name(file) for file in files], hive_partitioning=partitioned)


def read_parquet(path: Path, columns: Columns, advance: Advance) -> tuple[FrameBuilder, str, list[str]]:
    """Read all rows of a file or folder, the SHA-256 of its bytes, one file after the other, and its columns' names.

    NULL, NaN and the empty text are missing values.

    Raises:
        DataError: a file is cut off, damaged or no Parquet, has not the expected columns and types, or a category has
            far too many texts.
        OSError: a file cannot be read.

    """
    digest = _digest(parquet_files(path), advance)
    builder = FrameBuilder(path, columns)
    with _opened(path, columns) as connection:
        names = connection.table("data").columns
        for chunk in _chunks(connection, columns, ()):
            numbers = {name: chunk[name].to_numpy(np.float64) for name in _numbers(columns)}
            texts = {name: _categorical(chunk[name]) for name in columns.needed if name not in numbers}
            builder.add(numbers, texts)
    return builder, digest, names


def parquet_records(path: Path, columns: Columns) -> tuple[list[str], Iterator[Record]]:
    """The columns that are read, and each row, from 1, with its fields as a CSV file would have them."""
    with _opened(path, columns) as connection:
        found = connection.table("data").columns
    identifier = columns.schema.identifier
    also = (identifier.column,) if identifier and identifier.column in found else ()
    return [*columns.needed, *also], _records(path, columns, also)


def _records(path: Path, columns: Columns, also: Sequence[str]) -> Iterator[Record]:
    row = 0
    with _opened(path, columns) as connection:
        for chunk in _chunks(connection, columns, also):
            for values in zip(*(chunk[name].tolist() for name in (*columns.needed, *also)), strict=True):
                row += 1
                yield row, [_as_text(value) for value in values]


def _categorical(values: "pd.Series[Any]") -> pd.Categorical:
    found = pd.Categorical(values)
    return found if values.dtype == object else found.rename_categories([_as_text(value) for value in found.categories])


def _as_text(value: str | float | None) -> str:
    if isinstance(value, str):
        return value
    if value is None or np.isnan(value):
        return ""
    return repr(int(value)) if np.isfinite(value) and value == int(value) else repr(value)


def _numbers(columns: Columns) -> list[str]:
    return [column for column, feature in columns.features.items() if feature.kind in ("integer", "number")]


def _chunks(connection: duckdb.DuckDBPyConnection, columns: Columns, also: Sequence[str]) -> Iterator[pd.DataFrame]:
    """The columns that are needed and others, under their own names: numbers as such, all else as text."""
    target = target_sql(connection.table("data"), columns.schema.target)
    numbers = set(_numbers(columns))
    names = (*columns.needed, *also)
    types = ["DOUBLE" if name in numbers else "VARCHAR" for name in names]
    # Positions for names: DuckDB takes `Age` and `age` for one.
    fields = [
        f"{target if name == columns.target else f'CAST({quote_name(name)} AS {kind})'} AS c{i}"
        for i, (name, kind) in enumerate(zip(names, types, strict=True))
    ]
    connection.execute(f"SELECT {', '.join(fields)} FROM data")  # noqa: S608 - the names are quoted
    while len(chunk := connection.fetch_df_chunk(_CHUNK_VECTORS)):
        yield chunk.set_axis(list(names), axis=1)


def target_sql(data: duckdb.DuckDBPyRelation, target: Target) -> str:
    """SQL of a target's column, as numbers or texts: booleans are 1 and 0 unless the schema calls them true and false.

    Numbers stay numbers, as a third column of texts would take a fifth of the time of reading.
    """
    kind = data.types[data.columns.index(target.column)].id
    as_number = kind in NUMBER.ids or (kind == "boolean" and target.label("true") is None)
    return f"CAST({quote_name(target.column)} AS {'DOUBLE' if as_number else 'VARCHAR'})"


@contextmanager
def _opened(path: Path, columns: Columns) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the view `data` of the files, whose columns and types have been checked."""
    for file in parquet_files(path):
        check_magic(file, columns.needed)
    with damage_reported(path), duckdb.connect(config=NO_DOWNLOADS) as connection:
        connection.execute("SET enable_progress_bar = false")  # a slow read would draw it on standard output
        parquet_table(path, connection).create_view("data")
        data = connection.table("data")
        check_header(path, columns, data.columns)
        kinds = {column: _TYPES[feature.kind] for column, feature in columns.features.items()}
        check_types(path, data, kinds | {columns.target: LABEL})
        yield connection


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Turn what DuckDB says of a file into a message for the user.

    Raises:
        DataError: the file is damaged.
    """
    try:
        yield
    except (duckdb.Error, RuntimeError, UnicodeDecodeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path} is a damaged Parquet file: {reason}") from None


def check_magic(path: Path, columns: Sequence[str]) -> None:
    """Check that a file begins and ends like Parquet.

    Raises:
        DataError: it does not; `columns` are those that there should be.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
        file.seek(max(0, path.stat().st_size - len(_MAGIC)))
        end = file.read()
    if not start:
        raise DataError(f"{path} is empty; expected a Parquet file with the columns {','.join(columns)}")
    if start != _MAGIC:
        kind = foreign_kind(path)
        hint = f"; it is {kind[0]}: {kind[1]}" if kind else ""
        raise DataError(f"{path} is not a Parquet file: it does not begin with {_MAGIC.decode()}{hint}")
    if end != _MAGIC:
        raise DataError(f"{path} is cut off: as a Parquet file it must end with {_MAGIC.decode()}")


def check_types(path: Path, data: duckdb.DuckDBPyRelation, allowed: Mapping[str, Types]) -> None:
    """Check the types of columns: exactly, so that no list or struct of texts passes for a text.

    Raises:
        DataError: names each column that is of another type, and what is allowed.
    """
    problems = [
        f"column {name}: it holds {shorten(str(kind), 80)[1:-1]}; allowed: {allowed[name].description}"
        for name, kind in zip(data.columns, data.types, strict=True)
        if name in allowed and (kind.id not in allowed[name].ids or str(kind) == "JSON")
    ]
    if problems:
        raise refuse(path, problems)


def _digest(files: Sequence[Path], advance: Advance) -> str:
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while data := file.read(2**20):
                digest.update(data)
                advance(len(data))
    return digest.hexdigest()
