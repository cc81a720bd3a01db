"""Parquet reader by DuckDB, chunk by chunk."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pandas as pd

from churn.console import Advance
from churn.data.columns import COLUMNS, header_problems, shorten
from churn.data.file_kind import foreign_kind
from churn.data.frame_builder import TableBuilder
from churn.data.validation import Record, check_header, refuse
from churn.errors import DataError
from churn.files import duckdb_name
from churn.schema.old_record import CATEGORICAL_NAMES, NUMERIC_NAMES, TARGET

UNIT = "row"

_MAGIC = b"PAR1"
_CHUNK_VECTORS = 50  # of 2,048 rows each
_NUMBERS = (*NUMERIC_NAMES, TARGET)


class Types(NamedTuple):
    """Types that a column may have: in words, and by DuckDB's names."""

    description: str
    ids: frozenset[str]


_WHOLE = frozenset(f"{sign}{size}" for sign in ("", "u") for size in ("tinyint", "smallint", "integer", "bigint"))
TEXT = Types("text", frozenset({"varchar", "enum"}))
NUMBER = Types("a number type", _WHOLE | {"hugeint", "uhugeint", "float", "double", "decimal"})
LABEL = Types("0 or 1, as a number or as text", TEXT.ids | NUMBER.ids)
ID = Types("text or whole numbers", TEXT.ids | _WHOLE | {"uuid"})


def read_parquet(path: Path, advance: Advance) -> tuple[pd.DataFrame, str]:
    """Read the columns `COLUMNS` as `TableBuilder.frame` gives them, and the SHA-256 of the file's bytes.

    NULL, NaN and the empty text are missing values.

    Raises:
        DataError: the file is cut off, damaged or no Parquet, has not the expected columns and types, or has too
            many levels.
        OSError: the file cannot be read.

    """
    digest = _digest(path, advance)
    builder = TableBuilder()
    for chunk in _chunks(path):
        numbers = {name: chunk[name].to_numpy(np.float64) for name in _NUMBERS}
        builder.add(numbers, {name: pd.Categorical(chunk[name]) for name in CATEGORICAL_NAMES})
    builder.check_levels(path)
    return builder.frame(), digest


def parquet_records(path: Path) -> Iterator[Record]:
    """Each row, from 1, with its fields in the order of `COLUMNS` as a CSV file would have them."""
    row = 0
    for chunk in _chunks(path):
        for values in zip(*(chunk[name].tolist() for name in COLUMNS), strict=True):
            row += 1
            yield row, [_as_text(value) for value in values]


def _as_text(value: str | float | None) -> str:
    if isinstance(value, str):
        return value
    if value is None or np.isnan(value):
        return ""
    return repr(int(value)) if np.isfinite(value) and value == int(value) else repr(value)


def _chunks(path: Path) -> Iterator[pd.DataFrame]:
    with _opened(path) as connection:
        numbers = [f"CAST({name} AS DOUBLE) AS {name}" for name in _NUMBERS]
        texts = [f"CAST({name} AS VARCHAR) AS {name}" for name in CATEGORICAL_NAMES]
        # The names are the schema's own, not the file's or the user's.
        connection.execute(f"SELECT {', '.join([*numbers, *texts])} FROM data")  # noqa: S608
        while len(chunk := connection.fetch_df_chunk(_CHUNK_VECTORS)):
            yield chunk


@contextmanager
def _opened(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the view `data` of the file, whose columns and types have been checked."""
    check_magic(path, COLUMNS)
    # Nothing may be downloaded because of what a file says of itself.
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with damage_reported(path), duckdb.connect(config=config) as connection:
        connection.execute("SET enable_progress_bar = false")  # a slow read would draw it on standard output
        connection.read_parquet(duckdb_name(path), hive_partitioning=False).create_view("data")
        data = connection.table("data")
        check_header(path, data.columns, "", header_problems(data.columns))
        check_types(path, data, dict.fromkeys(CATEGORICAL_NAMES, TEXT) | dict.fromkeys(_NUMBERS, NUMBER))
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


def _digest(path: Path, advance: Advance) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(2**20):
            digest.update(data)
            advance(len(data))
    return digest.hexdigest()
