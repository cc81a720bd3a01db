"""How many levels a training file's categories may have: each is a column of the model's inputs."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from churn.data.columns import known_form
from churn.data.validation import refuse
from churn.schema.record import CATEGORICAL_FEATURES, MISSING_CATEGORY

MAX_LEVELS = 300
"""Of all text columns together: all countries, and some. 20,000 rows then train for a minute (boosting: minutes), with
100 levels for a quarter of that: time grows with the square of the levels (`train.py`, one core)."""
MAX_CELLS = 40_000_000
"""Rows times levels, for larger sets: 600,000 rows with 100 levels would train in 1.5 GiB."""
SAFE_LEVELS = 20
"""So many are allowed however many rows there are: they add little to what the numbers take."""
_CURE = "an identifier or free text is no category; of a real one, join the rare texts into one such as OTHER"


class Levels:
    """The levels of a file's categories, counted while it is read.

    Attributes:
        rows: so many were counted.
        texts: the levels of each category, without the missing one.

    """

    def __init__(self) -> None:
        self.rows = 0
        self.texts: dict[str, set[str]] = {feature.name: set() for feature in CATEGORICAL_FEATURES}

    def add(self, texts: Mapping[str, pd.Categorical]) -> bool:
        """Count the levels of more rows; returns whether the file may still be trained on."""
        for feature in CATEGORICAL_FEATURES:
            found = texts[feature.name]
            self.texts[feature.name].update(known_form(feature, text) for text in found.categories)
            self.texts[feature.name].discard(MISSING_CATEGORY)
        self.rows += len(found)
        return self._total <= MAX_LEVELS

    def check(self, path: Path) -> None:
        """To be called once all rows are counted.

        Raises:
            DataError: training on them would take minutes to hours, or gigabytes: names the columns, how many
                levels each has, what is allowed and what to do.
        """
        allowed = min(MAX_LEVELS, max(SAFE_LEVELS, MAX_CELLS // max(self.rows, 1)))
        if self._total > allowed:
            columns = sorted(self.texts.items(), key=lambda column: -len(column[1]))
            found = [f"column {name}: {len(texts):,} different texts" for name, texts in columns]
            of = f" of {self.rows:,} rows" if allowed < MAX_LEVELS else ""
            raise refuse(path, [*found, f"allowed: up to {allowed:,} over all text columns{of}; {_CURE}"])

    @property
    def _total(self) -> int:
        return sum(map(len, self.texts.values()))
