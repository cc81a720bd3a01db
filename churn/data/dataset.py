"""Training data set, read from CSV or Parquet: checked features, target and the file's digest."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn import console
from churn.data import csv_file, csv_lines, parquet_file
from churn.data.columns import COLUMNS, is_valid
from churn.data.copies import Digests, count_customers, row_digests
from churn.data.file_kind import foreign_kind
from churn.data.simulation import SUFFIXES, simulate
from churn.data.validation import check_records
from churn.errors import DataError
from churn.schema.definition import Schema
from churn.schema.old_record import FEATURE_NAMES, TARGET

__all__ = ["Dataset", "read_dataset", "simulate"]


@dataclass(frozen=True)
class Dataset:
    """A checked training file.

    Attributes:
        path: the file, as it was named.
        sha256: of its bytes, in hexadecimal.
        frame: the features [rows, 5], columns `FEATURE_NAMES`: numbers float64 within their ranges, NaN where
            missing; categories CategoricalDtype of str, normalised, `MISSING_CATEGORY` where missing.
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


def read_dataset(path: Path, schema: Schema) -> Dataset:
    """Read a CSV (UTF-8) or Parquet file with the columns `COLUMNS`, in any order, and check every value.

    Raises:
        DataError: names file, line (CSV, as an editor counts) or row (Parquet), column and value of the first
            problems, and counts the rest.
    """
    try:
        if why := _why_unreadable(path):
            raise DataError(f"{path} cannot be read: {why}")
        frame, sha256 = _read(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} cannot be read: {reason}") from None
    return Dataset(path, sha256, frame[list(FEATURE_NAMES)], frame[TARGET].to_numpy(np.int8), schema)


def _why_unreadable(path: Path) -> str | None:
    if path.is_dir():
        return "it is not a file but a folder"
    if path.suffix.lower() not in SUFFIXES:
        kind = foreign_kind(path) if path.is_file() else None
        hint = f"; it is {kind[0]}: {kind[1]}" if kind else ""
        return f"its name must end in {' or '.join(SUFFIXES)}{hint}"
    if not path.is_file():
        return "it is not a file" if path.exists() else "there is no such file"
    return None


def _read(path: Path) -> tuple[pd.DataFrame, str]:
    """The checked columns `COLUMNS` and the file's digest; only where something is wrong is each field checked."""
    parquet = path.suffix.lower() == ".parquet"
    try:
        with console.reading(path.name, path.stat().st_size) as advance:
            frame, sha256 = parquet_file.read_parquet(path, advance) if parquet else csv_file.read_csv(path, advance)
        if is_valid(frame):
            return frame, sha256
        reason = "a value is not allowed"
    except ValueError as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
    if parquet:
        check_records(path, COLUMNS, parquet_file.parquet_records(path), parquet_file.UNIT)
    else:
        check_records(path, csv_lines.read_header(path).names, csv_lines.csv_records(path), csv_lines.UNIT)
    raise DataError(f"{path} cannot be used: {reason}")
