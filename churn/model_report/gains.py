"""Gains of contacting customers in the order of their probability, and the profit that they bring."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.decision import Campaign
from churn.evaluation import DRAWS, Cells, Predictions
from churn.metrics import Floats
from churn.model_report.ranking import Ranking

MOST_POINTS = 100


@dataclass(frozen=True)
class Gains:
    """Shares of the evaluated rows that are contacted, and that churned among them, at each of some thresholds.

    Attributes:
        threshold: [k] descending; None at the first, where nobody is contacted.
        contacted: [1 + draws, k] shares of all rows: of the sample, then of bootstrap samples of its customers.
        churners: [1 + draws, k] likewise.

    """

    threshold: list[float | None]
    contacted: Floats
    churners: Floats

    def profit(self, campaign: Campaign) -> dict[str, Any]:
        """Profit per evaluated row over the share contacted, with percentiles of the bootstrap as 95 % band."""
        found = campaign.profit(self.churners, self.contacted)
        low, high = np.quantile(found[1:], [0.025, 0.975], axis=0)
        return {
            "contacted": self.contacted[0].tolist(),
            "threshold": self.threshold,
            "profit": found[0].tolist(),
            "low": low.tolist(),
            "high": high.tolist(),
        }


def gains(predictions: Predictions, ranking: Ranking, served: float, seed: int) -> Gains:
    """Gains at thresholds about equally many rows apart, the served one among them.

    A probability counts as the threshold that it reaches, so the bootstrap needs few cells, and is exact at each.
    """
    thresholds = _thresholds(ranking, served)
    reached = np.searchsorted(thresholds, predictions.probability, side="right")
    nothing = np.zeros_like(predictions.decision)
    cells = Cells(predictions.target, reached, nothing, predictions.customer)
    starts = np.unique(cells.probability, return_index=True)[1]
    rng = np.random.default_rng(seed)
    parts = [_shares(cells, cells.once(), starts)]
    parts += [_shares(cells, cells.resample(rng, draws), starts) for draws in cells.blocks(DRAWS)]
    contacted, churners = map(np.concatenate, zip(*parts, strict=True))
    return Gains([None, *thresholds[::-1].tolist()], contacted, churners)


def _thresholds(ranking: Ranking, served: float) -> Floats:
    """Ascending, the least reached by all rows; the served one stands for the last probability to reach it."""
    rows = np.cumsum(ranking.rows)
    wanted = np.linspace(0, rows[-1], MOST_POINTS - 1)[1:]
    chosen = np.unique(np.searchsorted(rows, wanted))
    last: npt.NDArray[np.intp] = np.flatnonzero(ranking.probability >= served)[-1:]
    probability = ranking.probability[np.setdiff1d(chosen, last)]
    return np.sort(np.append(probability, [served] * len(last)))


def _shares(cells: Cells, weights: Floats, starts: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
    """([draws, 1 + k] contacted, likewise churners) as shares of the rows of weighted cells."""
    rows = (weights @ cells.size)[:, None]
    return _cumulated(weights * cells.size, starts) / rows, _cumulated(weights * cells.positive, starts) / rows


def _cumulated(counts: Floats, starts: npt.NDArray[np.intp]) -> Floats:
    """[draws, 1 + k] of [draws, cells] counts that reach each threshold, the highest first; before it, nobody."""
    reaching = np.cumsum(np.add.reduceat(counts, starts, axis=1)[:, ::-1], axis=1)
    return np.concatenate([np.zeros((len(counts), 1)), reaching], axis=1)
