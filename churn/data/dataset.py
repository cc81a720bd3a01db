"""Training data set, read from CSV or Parquet: checked features, target and the file's digest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn import console
from churn.data import csv_file, csv_lines, parquet_file
from churn.data.columns import Columns
from churn.data.copies import Digests, count_customers, row_digests
from churn.data.csv_dialect import csv_records, find_dialect
from churn.data.file_kind import foreign_kind
from churn.data.frame_builder import FrameBuilder, is_valid
from churn.data.simulation import simulate
from churn.data.validation import check_header, check_records
from churn.errors import DataError
from churn.schema.definition import Schema

__all__ = ["Dataset", "read_dataset", "simulate"]

_CSV = (".csv", ".tsv", ".txt")


@dataclass(frozen=True)
class Dataset:
    """A checked training file.

    Attributes:
        path: the file, as it was named.
        sha256: of its bytes, in hexadecimal.
        frame: [rows] the features of the schema as columns: numbers and booleans (0 and 1) float64 within their ranges,
            NaN where missing; categories CategoricalDtype of str, normalised, `MISSING_CATEGORY` where missing.
        target: [rows] of 0 and 1, both present.
        schema: of the table.

    """

    path: Path
    sha256: str
    frame: pd.DataFrame
    target: npt.NDArray[np.int8]
    schema: Schema

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.frame)

    @cached_property
    def customers(self) -> int:
        """How many different customers there are: rows of equal features are one."""
        return count_customers(self.digests)

    @cached_property
    def digests(self) -> Digests:
        """[rows] the digest of each row's features: equal for copies of a customer."""
        return row_digests(self.frame)


def read_dataset(path: Path, schema: Schema, tell: Callable[[str], None] = lambda _: None) -> Dataset:
    """Read a CSV (UTF-8) or Parquet file, or a folder of Parquet files, with a schema's columns, and check every value.

    The columns may be in any order, and between others that the schema ignores.

    Args:
        path: the file.
        schema: of its table.
        tell: is told what a person should know of how it was read: an unusual delimiter, an unnamed column left out.

    Raises:
        DataError: names file, line (CSV, as an editor counts) or row (Parquet), column and value of the first
            problems, and counts the rest.
    """
    columns = Columns(schema)
    try:
        if why := _why_unreadable(path):
            raise DataError(f"{path} cannot be read: {why}")
        found = _read_parquet(path, columns, tell) if parquet_file.is_parquet(path) else _read_csv(path, columns, tell)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} cannot be read: {reason}") from None
    return found


def _why_unreadable(path: Path) -> str | None:
    if path.is_dir():
        return None  # of Parquet files
    if path.suffix.lower() not in (*_CSV, parquet_file.SUFFIX):
        kind = foreign_kind(path) if path.is_file() else None
        hint = f"; it is {kind[0]}: {kind[1]}" if kind else ""
        return f"its name must end in {', '.join(_CSV)} or {parquet_file.SUFFIX}{hint}"
    if not path.is_file():
        return "it is not a file" if path.exists() else "there is no such file"
    return None


def _read_csv(path: Path, columns: Columns, tell: Callable[[str], None]) -> Dataset:
    dialect = find_dialect(path)
    check_header(path, columns, dialect.names, f"line {dialect.line}, ")
    if dialect.unusual:
        tell(f"{path}: {dialect.unusual}")
    _tell_unnamed(path, columns, dialect.names, tell)
    reason = "a value is not allowed"
    try:
        with console.reading(path.name, path.stat().st_size) as advance:
            builder, sha256 = csv_file.read_csv(path, columns, dialect, advance)
        if dataset := _valid_dataset(path, sha256, builder, columns):
            return dataset
    except ValueError as error:
        reason = _first_line(error)
    records = csv_records(path, dialect)
    check_records(path, columns, dialect.names, records, csv_lines.UNIT, dialect.decimal)
    raise DataError(f"{path} cannot be used: {reason}")


def _read_parquet(path: Path, columns: Columns, tell: Callable[[str], None]) -> Dataset:
    size = sum(file.stat().st_size for file in parquet_file.parquet_files(path))
    reason = "a value is not allowed"
    try:
        with console.reading(path.name, size) as advance:
            builder, sha256, names = parquet_file.read_parquet(path, columns, advance)
        _tell_unnamed(path, columns, names, tell)
        if dataset := _valid_dataset(path, sha256, builder, columns):
            return dataset
    except ValueError as error:
        reason = _first_line(error)
    header, records = parquet_file.parquet_records(path, columns)
    check_records(path, columns, header, records, parquet_file.UNIT)
    raise DataError(f"{path} cannot be used: {reason}")


def _valid_dataset(path: Path, sha256: str, builder: FrameBuilder, columns: Columns) -> Dataset | None:
    """What was read; None where something is wrong with it: only then is each field looked at."""
    builder.check_levels()
    frame, target = builder.frame(), builder.target()
    if not is_valid(frame, target, columns):
        return None
    return Dataset(path, sha256, frame, target.astype(np.int8), columns.schema)


def _tell_unnamed(path: Path, columns: Columns, names: Sequence[str], tell: Callable[[str], None]) -> None:
    unnamed = columns.unnamed(names)
    for place, name in enumerate(names, start=1):
        if name in unnamed:
            tell(f"{path}: column {place} has no name of its own ({name!r}); it is left out")


def _first_line(error: ValueError) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
