"""How many levels a training file's categories may have: each is a column of the model's inputs."""

from pathlib import Path

import pandas as pd

from churn.diagnosis import refuse
from churn.errors import DataError
from churn.schema import CATEGORICAL_NAMES, MISSING_CATEGORY

MAX_LEVELS = 100
"""Of all text columns together. 20,000 rows then train in 15 seconds, and in 90 with boosting; time grows with the
square of the levels, and with 2,000 it is hours (one core, `train.py`)."""
MAX_CELLS = 60_000_000
"""Rows times levels: of a larger set the inputs alone would take a gigabyte."""


def check_levels(path: Path, frame: pd.DataFrame) -> None:
    """Refuse a file whose categories would take minutes to hours, or gigabytes, to train on.

    Args:
        path: the file, for the message.
        frame: its rows, with the columns `CATEGORICAL_NAMES` as CategoricalDtype.

    Raises:
        DataError: names the columns, how many levels each has, what is allowed and what to do.

    """
    levels = {name: len(frame[name].cat.categories.difference([MISSING_CATEGORY])) for name in CATEGORICAL_NAMES}
    allowed = min(MAX_LEVELS, MAX_CELLS // max(len(frame), 1))
    if sum(levels.values()) > allowed:
        raise _too_many(path, levels, allowed, len(frame))


def _too_many(path: Path, levels: dict[str, int], allowed: int, rows: int) -> DataError:
    most = sorted(levels, key=lambda name: -levels[name])
    found = [f"column {name}: {levels[name]:,} different texts" for name in most]
    limit = f"allowed: up to {allowed:,} over all text columns{f' of {rows:,} rows' if allowed < MAX_LEVELS else ''}"
    cure = "an identifier or free text is no category; of a real one, join the rare texts into one such as OTHER"
    return refuse(path, [*found, f"{limit}; {cure}"])
