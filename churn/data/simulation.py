"""Simulation of customers by a known process, so that the best reachable metrics are known.

data/README.md gives the process. Rows come in blocks of a fixed size, each with a random
generator of its own, so row i of a seed is the same row however many are asked for and however they are
written.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.errors import DataError
from churn.files import duckdb_name, replacing

FEATURE_NAMES = ("tenure_months", "num_complaints", "avg_session_minutes", "plan_type", "region")
TARGET = "churn"
BLOCK_ROWS = 65_536
"""Changing this changes every simulated set beyond its first rows, so the bundled one must be made anew."""

SUFFIXES = (".csv", ".parquet")

_PLANS = pd.CategoricalDtype(["basic", "premium"])
_REGIONS = pd.CategoricalDtype(["AF", "AS", "EU", "NA"])
_LINE = "%d,%d,%.2f,%s,%s,%d\n"

type Simulated = tuple[pd.DataFrame, npt.NDArray[np.int8], npt.NDArray[np.float64]]


def simulate(rows: int, seed: int) -> Simulated:
    """The first `rows` customers of a seed.

    Args:
        rows: how many, at least 1.
        seed: 0 or more; the same seed gives the same customers.

    Returns:
        The features [rows, 5] as `read_dataset` gives them (numbers float64, categories CategoricalDtype), the
        target [rows] of 0 and 1, and the probability [rows] with which the process drew each 1: what no model
        can do better than know.

    """
    blocks = list(_blocks(rows, seed))
    frame = pd.concat([block[0] for block in blocks], ignore_index=True)
    return frame, np.concatenate([block[1] for block in blocks]), np.concatenate([block[2] for block in blocks])


def write_simulated(rows: int, seed: int, out: Path) -> None:
    """Write simulated customers to a CSV or Parquet file, in memory that does not grow with `rows`.

    The file appears under its name only when it is complete; whatever stops the writing leaves nothing behind.

    Raises:
        DataError: `rows` or `seed` is out of range, or the file cannot be written.
    """
    _check_request(rows, seed, out)
    try:
        with replacing(out) as temporary:
            if out.suffix.lower() == ".parquet":
                _write_parquet(rows, seed, temporary)
            else:
                _write_csv(rows, seed, temporary)
    except (OSError, duckdb.Error) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise DataError(f"{out} cannot be written: {reason}") from None


def _check_request(rows: int, seed: int, out: Path) -> None:
    if rows < 1:
        raise DataError(f"--rows {rows} is not allowed; allowed: 1 or more")
    if seed < 0:
        raise DataError(f"--seed {seed} is not allowed; allowed: 0 or more")
    if out.suffix.lower() not in SUFFIXES:
        raise DataError(f"{out} cannot be written: its name must end in {' or '.join(SUFFIXES)}")
    if not out.parent.is_dir():
        raise DataError(f"{out} cannot be written: there is no folder {out.parent}")
    if out.is_dir():
        raise DataError(f"{out} cannot be written: it is a folder")
    # A rename would replace a file that its owner has protected.
    if out.exists() and not os.access(out, os.W_OK):
        raise DataError(f"{out} cannot be written: the file is there and read-only")


def _write_csv(rows: int, seed: int, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(",".join((*FEATURE_NAMES, TARGET)) + "\n")
        for frame, target, _ in _blocks(rows, seed):
            columns = [frame[name].tolist() for name in FEATURE_NAMES]
            file.writelines(map(_LINE.__mod__, zip(*columns, target.tolist(), strict=True)))


def _write_parquet(rows: int, seed: int, path: Path) -> None:
    csv = path.with_suffix(".csv")
    try:
        _write_csv(rows, seed, csv)
        _convert(csv, path)
    finally:
        csv.unlink(missing_ok=True)


def _convert(csv: Path, parquet: Path) -> None:
    # One thread, so that the same rows give the same bytes.
    config: dict[str, str | bool | int | float | list[str]] = {"threads": 1, "memory_limit": "256MB"}
    with duckdb.connect(config=config) as connection:
        connection.execute("SET enable_progress_bar = false")  # a slow write would draw it on standard output
        types = ("SMALLINT", "SMALLINT", "DOUBLE", "VARCHAR", "VARCHAR", "TINYINT")
        columns = dict(zip((*FEATURE_NAMES, TARGET), types, strict=True))
        connection.read_csv(duckdb_name(csv), columns=columns, header=True).write_parquet(str(parquet))


def _blocks(rows: int, seed: int) -> Iterator[Simulated]:
    for number, start in enumerate(range(0, rows, BLOCK_ROWS)):
        frame, target, probability = _block(seed, number)
        count = min(BLOCK_ROWS, rows - start)
        yield frame.iloc[:count], target[:count], probability[:count]


def _block(seed: int, number: int) -> Simulated:
    random = np.random.default_rng([seed, number])
    tenure = random.integers(1, 59, BLOCK_ROWS, endpoint=True)
    complaints = random.poisson(1.2, BLOCK_ROWS)
    minutes = np.round(np.clip(random.normal(35, 12, BLOCK_ROWS), 1, 120), 2)
    plan = random.choice(2, BLOCK_ROWS, p=[0.72, 0.28])
    region = random.choice(4, BLOCK_ROWS, p=[0.25, 0.20, 0.30, 0.25])
    logit = 1.2 + 0.55 * complaints - 0.03 * tenure - 0.02 * minutes
    logit += np.array([0.0, -0.35])[plan] + np.array([0.08, 0.0, -0.05, 0.0])[region]
    probability = 1 / (1 + np.exp(-logit))
    target = (random.random(BLOCK_ROWS) < probability).astype(np.int8)
    columns = {
        "tenure_months": tenure.astype(np.float64),
        "num_complaints": complaints.astype(np.float64),
        "avg_session_minutes": minutes,
        "plan_type": _categorical(plan, _PLANS),
        "region": _categorical(region, _REGIONS),
    }
    return pd.DataFrame(columns, columns=list(FEATURE_NAMES)), target, probability


def _categorical(codes: npt.NDArray[np.int64], dtype: pd.CategoricalDtype) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, dtype=dtype)  # type: ignore[arg-type] # the stubs know lists only
