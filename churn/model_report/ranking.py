"""Ranking of evaluated rows: how many churned at each distinct probability, the highest first."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

type Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """Evaluated rows by their probability: all that curves of thresholds depend on.

    Attributes:
        probability: [n] the distinct probabilities, descending.
        churners: [n] rows of each that churned.
        stayers: [n] rows of each that did not.

    """

    probability: Floats
    churners: Floats
    stayers: Floats

    @classmethod
    def of(cls, target: npt.ArrayLike, probability: npt.ArrayLike) -> Self:
        """The ranking of rows with these targets (0 or 1) and probabilities."""
        churned = np.asarray(target) == 1
        distinct, place = np.unique(np.asarray(probability, dtype=np.float64), return_inverse=True)
        churners, stayers = (np.bincount(place, weights=part)[::-1].astype(np.float64) for part in (churned, ~churned))
        return cls(distinct[::-1], churners, stayers)

    @property
    def rows(self) -> Floats:
        """[n] rows of each."""
        return self.churners + self.stayers

    def above(self, threshold: float) -> tuple[int, int]:
        """How many churners and how many stayers have at least this probability."""
        places = int(np.searchsorted(-self.probability, -threshold, side="right"))
        return int(self.churners[:places].sum()), int(self.stayers[:places].sum())
