"""Tally of scores: counts and a fine histogram of the probabilities, in bounded memory, whatever the order of rows."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from churn.decision import Campaign
from churn.scoring.columns.reader import Floats

BINS = 2**14
TENTHS = 10
_UNIT = 2**30
"""Probabilities are added up as whole numbers of 1/`_UNIT`, so that the sum does not depend on the order."""


class Tenth(NamedTuple):
    """A tenth of the rows by their probability, each to within a bin of the histogram.

    Attributes:
        number: 1 has the highest probabilities.
        rows: how many it has.
        mean: of their probabilities.
        lowest: of their probabilities.

    """

    number: int
    rows: int
    mean: float
    lowest: float


class Tally:
    """Counts of rows that were scored, or set aside.

    Args:
        threshold: the probability from which the decision is 1.

    Attributes:
        scored: rows with a score.
        rejected: rows without one.
        decisions: those of probability `threshold` or more.

    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.scored = self.rejected = self.decisions = 0
        self._contacted = 0
        self._counts = np.zeros(BINS, np.int64)
        self._sums = np.zeros(BINS, np.int64)

    @property
    def read(self) -> int:
        """All rows."""
        return self.scored + self.rejected

    def add(self, probabilities: Floats, rejected: int = 0) -> None:
        """Count rows.

        Args:
            probabilities: [n] of those that were scored, fewer than eight million.
            rejected: how many were not.

        """
        contacted = probabilities >= self.threshold
        units = np.rint(probabilities * _UNIT)
        bins = np.minimum((probabilities * BINS).astype(np.intp), BINS - 1)
        self.scored += len(probabilities)
        self.rejected += rejected
        self.decisions += int(contacted.sum())
        self._contacted += int(units[contacted].sum())
        self._counts += np.bincount(bins, minlength=BINS)
        self._sums += np.bincount(bins, units, minlength=BINS).astype(np.int64)

    @property
    def mean(self) -> float:
        """Mean probability of the rows that were scored."""
        return int(self._sums.sum()) / _UNIT / max(self.scored, 1)

    def expected_profit(self, campaign: Campaign) -> float:
        """What is to be expected of contacting the customers of decision 1, if the probabilities hold."""
        leaving, contacted = np.array([self._contacted / _UNIT]), np.array([float(self.decisions)])
        return float(campaign.profit(leaving, contacted)[0])

    def tenths(self) -> list[Tenth]:
        """Tenths of the rows that were scored, those of the highest probabilities first; empty ones are left out."""
        filled = np.flatnonzero(self._counts)[::-1]
        rows = np.append(0, self._counts[filled].cumsum())
        sums = np.append(0.0, self._sums[filled].cumsum() / _UNIT)
        means = self._sums[filled] / self._counts[filled] / _UNIT
        borders = [self.scored * number // TENTHS for number in range(TENTHS + 1)]
        upto = np.interp(borders, rows, sums).tolist() if len(filled) else []
        found = []
        for number, (before, after) in enumerate(pairwise(borders), 1):
            if after > before:
                mean = (upto[number] - upto[number - 1]) / (after - before)
                found.append(Tenth(number, after - before, mean, _bin(means, rows, after)))
        return found

    def document(self, campaign: Campaign | None) -> dict[str, Any]:
        """The counts as JSON has them."""
        profit = {} if campaign is None else {"expected_profit": self.expected_profit(campaign)}
        return {
            "rows": self.read,
            "scored": self.scored,
            "rejected": self.rejected,
            "decisions": self.decisions,
            "mean_probability": self.mean,
            **profit,
            "tenths": [
                {"tenth": each.number, "rows": each.rows, "mean_probability": each.mean, "lowest": each.lowest}
                for each in self.tenths()
            ],
        }


def _bin(means: Floats, rows: Floats, rank: int) -> float:
    """The mean of the bin in which the row of that rank, from 1, is."""
    return float(means[np.searchsorted(rows[1:], rank)])
