"""Training data: CSV or Parquet -> a checked frame, its target and the file's digest.

`python -m churn.dataset generate` writes simulated customers in the same form.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.errors

from churn import csv_file, csv_lines, parquet_file, progress
from churn.columns import COLUMNS, dataset_schema
from churn.copies import Digests, count_customers, row_digests
from churn.diagnosis import check_records
from churn.errors import DataError
from churn.file_kind import foreign_kind
from churn.schema import FEATURE_NAMES, TARGET
from churn.simulation import SUFFIXES, simulate, write_simulated
from churn.table import Table

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

    """

    path: Path
    sha256: str
    frame: pd.DataFrame
    target: npt.NDArray[np.int8]

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
        """[rows] by which copies of a customer are told."""
        return row_digests(self.frame)


def read_dataset(path: Path) -> Dataset:
    """Read a CSV (UTF-8) or Parquet file with the columns `COLUMNS`, in any order, and check every value.

    Raises:
        DataError: names file, line (CSV, as an editor counts) or row (Parquet), column and value of the first
            problems, and counts the rest.
    """
    try:
        if why := _why_unreadable(path):
            raise DataError(f"{path} cannot be read: {why}")
        table = _read(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} cannot be read: {reason}") from None
    target = table.frame.pop(TARGET).to_numpy(np.int8)
    return Dataset(path, table.sha256, table.frame[list(FEATURE_NAMES)], target)


def _why_unreadable(path: Path) -> str | None:
    if path.is_dir():
        return "it is not a file but a folder"
    if path.suffix.lower() not in SUFFIXES:
        kind = foreign_kind(path) if path.is_file() else None
        told = f"; it is {kind[0]}: {kind[1]}" if kind else ""
        return f"its name must end in {' or '.join(SUFFIXES)}{told}"
    if not path.is_file():
        return "it is not a file" if path.exists() else "there is no such file"
    return None


def _read(path: Path) -> Table:
    """The checked content; only where something is wrong or unclear is each field looked at."""
    parquet = path.suffix.lower() == ".parquet"
    failure: Exception | None = None
    with progress.reading(path) as advance:
        try:
            table = parquet_file.read_parquet(path, advance) if parquet else csv_file.read_csv(path, advance)
            _check(table)
            if not table.doubtful:
                return table
        except (ValueError, pandera.errors.SchemaError) as error:
            failure = error
    if parquet:
        check_records(path, COLUMNS, parquet_file.parquet_records(path), parquet_file.UNIT)
    else:
        check_records(path, csv_lines.read_header(path).names, csv_lines.csv_records(path), csv_lines.UNIT)
    if failure is not None:
        reason = (str(failure).splitlines() or [type(failure).__name__])[0]
        raise DataError(f"{path} cannot be used: {reason}") from None
    return table


def _check(table: Table) -> None:
    if table.frame.empty:
        raise ValueError("no rows")
    dataset_schema().validate(table.frame, inplace=True)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0 done, 2 bad usage, 130 interrupted."""
    parser = _Parser(prog="python -m churn.dataset", description="Training data for the churn model.")
    commands = parser.add_subparsers(required=True, metavar="generate")
    generate = commands.add_parser("generate", help="write simulated customers of a known process")
    generate.add_argument("--rows", type=int, required=True, help="how many customers, 1 or more")
    generate.add_argument("--seed", type=int, default=42, help="same seed, same customers (default 42)")
    generate.add_argument("--out", type=Path, required=True, help="file to write, .csv or .parquet; replaced if there")
    options = parser.parse_args(arguments)
    try:
        write_simulated(options.rows, options.seed, options.out)
    except DataError as error:
        sys.stderr.write(f"python -m churn.dataset: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("python -m churn.dataset: interrupted, nothing written\n")
        return 130
    sys.stdout.write(f"wrote {options.rows:,} rows of seed {options.seed} to {options.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
