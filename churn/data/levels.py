"""Limit to the levels of a training file's categories: each level is a column of the model's inputs."""

from collections.abc import Mapping
from pathlib import Path

from churn.data.validation import refuse

MAX_LEVELS = 300
"""Of all text columns together: all countries, and some. 20,000 rows then train for a minute (boosting: minutes), with
100 levels for a quarter of that: time grows with the square of the levels (`train.py`, one core)."""
MAX_CELLS = 40_000_000
"""Rows times levels, for larger sets: 600,000 rows with 100 levels would train in 1.5 GiB."""
SAFE_LEVELS = 20
"""So many are allowed however many rows there are: they add little to what the numbers take."""
_CURE = "an identifier or free text is no category; of a real one, join the rare texts into one such as OTHER"


def check_levels(path: Path, rows: int, levels: Mapping[str, int]) -> None:
    """Refuse a file with more levels than can be trained on.

    Args:
        path: the file, for the message.
        rows: how many it has.
        levels: how many levels each category has, the missing one not counted.

    Raises:
        DataError: training would take minutes to hours, or gigabytes: names the columns, how many levels each
            has, what is allowed and what to do.
    """
    allowed = min(MAX_LEVELS, max(SAFE_LEVELS, MAX_CELLS // max(rows, 1)))
    if sum(levels.values()) > allowed:
        columns = sorted(levels.items(), key=lambda column: -column[1])
        found = [f"column {name}: {count:,} different texts" for name, count in columns]
        of = f" of {rows:,} rows" if allowed < MAX_LEVELS else ""
        raise refuse(path, [*found, f"allowed: up to {allowed:,} over all text columns{of}; {_CURE}"])
