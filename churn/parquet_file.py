"""Parquet files, read by DuckDB chunk by chunk."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from churn.columns import COLUMNS, header_problems
from churn.diagnosis import Record, check_header, refuse
from churn.errors import DataError
from churn.progress import Advance
from churn.schema import CATEGORICAL_NAMES, NUMERIC_NAMES, TARGET
from churn.table import Table, TableBuilder

UNIT = "row"

_MAGIC = b"PAR1"
_CHUNK_VECTORS = 50  # of 2,048 rows each
_NUMBER_TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")


def read_parquet(path: Path, advance: Advance) -> Table:
    """Read the columns `COLUMNS`; NULL, NaN and the empty text are missing values.

    Raises:
        DataError: the file is cut off, damaged or no Parquet, or has not the expected columns and types.
        OSError: the file cannot be read.

    """
    digest = _digest(path, advance)
    builder = TableBuilder()
    for chunk in _chunks(path):
        numbers = {name: chunk[name].to_numpy(np.float64) for name in (*NUMERIC_NAMES, TARGET)}
        builder.add(numbers, {name: pd.Categorical(chunk[name]) for name in CATEGORICAL_NAMES})
    return Table(builder.frame(), digest, doubtful=False)


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
        numbers = [f"CAST({name} AS DOUBLE) AS {name}" for name in (*NUMERIC_NAMES, TARGET)]
        texts = [f"CAST({name} AS VARCHAR) AS {name}" for name in CATEGORICAL_NAMES]
        # The names are the schema's own, not the file's or the user's.
        connection.execute(f"SELECT {', '.join([*numbers, *texts])} FROM data")  # noqa: S608
        while len(chunk := connection.fetch_df_chunk(_CHUNK_VECTORS)):
            yield chunk


@contextmanager
def _opened(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the view `data` of the file, whose columns and types have been checked."""
    _check_magic(path)
    # Nothing may be downloaded because of what a file says of itself.
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        with duckdb.connect(config=config) as connection:
            name = "".join(f"[{mark}]" if mark in "*?[" else mark for mark in str(path.absolute()))
            connection.read_parquet(name, hive_partitioning=False).create_view("data")
            _check_types(path, connection.table("data"))
            yield connection
    except (duckdb.Error, RuntimeError, UnicodeDecodeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path} is a damaged Parquet file: {reason}") from None


def _check_magic(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
        file.seek(max(0, path.stat().st_size - len(_MAGIC)))
        end = file.read()
    if not start:
        raise DataError(f"{path} is empty; expected a Parquet file with the columns {','.join(COLUMNS)}")
    if start != _MAGIC:
        raise DataError(f"{path} is not a Parquet file: it does not begin with {_MAGIC.decode()}")
    if end != _MAGIC:
        raise DataError(f"{path} is cut off: as a Parquet file it must end with {_MAGIC.decode()}")


def _check_types(path: Path, data: duckdb.DuckDBPyRelation) -> None:
    check_header(path, data.columns, "", header_problems(data.columns))
    problems = []
    for name, kind in zip(data.columns, map(str, data.types), strict=True):
        if name in CATEGORICAL_NAMES:
            allowed, right = "text", kind.startswith(("VARCHAR", "ENUM"))
        else:
            allowed, right = "a number type", kind.removeprefix("U").startswith(_NUMBER_TYPES) and "[" not in kind
        if not right:
            problems.append(f"column {name}: it holds {kind}; allowed: {allowed}")
    if problems:
        raise refuse(path, problems)


def _digest(path: Path, advance: Advance) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(2**20):
            digest.update(data)
            advance(len(data))
    return digest.hexdigest()
