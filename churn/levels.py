"""How many levels a training file's categories may have: each is a column of the model's inputs."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from churn.diagnosis import refuse
from churn.schema import CATEGORICAL_FEATURES, MISSING_CATEGORY

MAX_LEVELS = 100
"""Of all text columns together. 20,000 rows then train in 15 seconds, and in 90 with boosting; time grows with the
square of the levels, and with 2,000 it is hours (one core, `train.py`)."""
MAX_CELLS = 60_000_000
"""Rows times levels: of a larger set the inputs alone would take a gigabyte."""
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
            self.texts[feature.name].update(map(feature.normalise, found.categories))
            self.texts[feature.name].discard(MISSING_CATEGORY)
        self.rows += len(found)
        return self._total <= MAX_LEVELS

    def check(self, path: Path) -> None:
        """To be called once all rows are counted.

        Raises:
            DataError: training on them would take minutes to hours, or gigabytes: names the columns, how many
                levels each has, what is allowed and what to do.
        """
        allowed = min(MAX_LEVELS, MAX_CELLS // max(self.rows, 1))
        if self._total > allowed:
            counts = {name: len(texts) for name, texts in self.texts.items()}
            found = [
                f"column {name}: {counts[name]:,} different texts" for name in sorted(counts, key=lambda n: -counts[n])
            ]
            of = f" of {self.rows:,} rows" if allowed < MAX_LEVELS else ""
            raise refuse(path, [*found, f"allowed: up to {allowed:,} over all text columns{of}; {_CURE}"])

    @property
    def _total(self) -> int:
        return sum(map(len, self.texts.values()))
