"""How good judged predictions are: each metric with its bootstrap interval.

Names and directions are scikit-learn's: `log_loss`, `brier` and `calibration_error` are better when lower,
the rest when higher.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

type Floats = npt.NDArray[np.float64]

DRAWS = 1000
EXACT_LEVELS = 4096
COARSE_LEVELS = 1024
CALIBRATION_BINS = 10
_TINY = np.finfo(np.float64).eps


@dataclass(frozen=True)
class Judgement:
    """Predictions for rows that neither the model, nor its regularisation, nor its threshold has seen.

    Attributes:
        how: where the rows come from: `out-of-fold`, `held-out quarter`, or the name of a holdout file.
        frame: the n judged rows, columns `schema.FEATURE_NAMES`.
        target: [n] of 0 and 1.
        probability: [n] of churn, in [0, 1].
        decision: [n] of 0 and 1, by a threshold that was chosen without the row.

    """

    how: str
    frame: pd.DataFrame
    target: npt.NDArray[np.int8]
    probability: Floats
    decision: npt.NDArray[np.int8]


class Metric(NamedTuple):
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class Cells:
    """Judged rows gathered into cells, so that a resample is one weight a cell, whatever the number of rows.

    Rows of a cell share target, decision and probability. Beyond `EXACT_LEVELS` distinct probabilities, those
    are gathered into `COARSE_LEVELS` of equally many. The cells are in order of probability.

    Attributes:
        count: [cells] rows in each.

    """

    def __init__(self, target: npt.ArrayLike, probability: npt.ArrayLike, decision: npt.ArrayLike) -> None:
        target, decision = np.asarray(target), np.asarray(decision)
        probability = np.asarray(probability, dtype=np.float64)
        distinct, level = np.unique(probability, return_inverse=True)
        if len(distinct) > EXACT_LEVELS:
            level = level * COARSE_LEVELS // len(distinct)
        key, cell = np.unique(level * 4 + target * 2 + decision, return_inverse=True)
        self.count: npt.NDArray[np.int64] = np.bincount(cell)
        self.positive: Floats = (key // 2 % 2).astype(np.float64)
        self.decided: Floats = (key % 2).astype(np.float64)
        # The first cell of each group of equal probabilities: tied rows count half in the area under the curve.
        self._group_starts = np.unique(key // 4, return_index=True)[1]
        clipped = np.clip(probability, _TINY, 1 - _TINY)
        self.probability = self._mean(cell, probability)
        self.loss = self._mean(cell, -np.log(np.where(target == 1, clipped, 1 - clipped)))
        self.squared_error = self._mean(cell, (probability - target) ** 2)

    def _mean(self, cell: npt.NDArray[np.intp], values: Floats) -> Floats:
        return np.bincount(cell, weights=values) / self.count

    @cached_property
    def rows(self) -> int:
        """How many rows were gathered."""
        return int(self.count.sum())

    @cached_property
    def calibration_bin(self) -> npt.NDArray[np.intp]:
        """[cells] the bin of each: `CALIBRATION_BINS` of about equally many rows, equal probabilities together."""
        rows_of_group = np.add.reduceat(self.count, self._group_starts)
        middle = np.cumsum(rows_of_group) - rows_of_group / 2
        bins = np.minimum((middle * CALIBRATION_BINS / self.rows).astype(np.intp), CALIBRATION_BINS - 1)
        return np.repeat(bins, np.diff(self._group_starts, append=len(self.count)))

    def everything(self) -> Floats:
        """[1, cells] the weights of the sample itself."""
        return self.count[None, :].astype(np.float64)

    def resample(self, seed: int, draws: int = DRAWS) -> Floats:
        """[draws, cells] weights of bootstrap samples: as many rows as there are, drawn with replacement."""
        rng = np.random.default_rng(seed)
        return rng.multinomial(self.rows, self.count / self.rows, size=draws).astype(np.float64)

    def metrics(self, weights: Floats) -> dict[str, Floats]:
        """Each metric by name, [draws], of weighted cells.

        Args:
            weights: [draws, cells], rows of each cell in each draw.

        """
        rows: Floats = weights.sum(axis=1)
        positives = weights @ self.positive
        decided = weights @ self.decided
        hits: Floats = weights @ (self.positive * self.decided)
        rate = positives / rows
        return {
            "accuracy": (rows - positives - decided + 2 * hits) / rows,
            "precision": _ratio(hits, decided),
            "recall": _ratio(hits, positives),
            "f1": _ratio(2.0 * hits, positives + decided),
            "roc_auc": self._roc_auc(weights),
            "log_loss": weights @ self.loss / rows,
            "brier": weights @ self.squared_error / rows,
            "calibration_error": self.calibration_error(weights, weights * self.positive),
            # Of the two constant answers, never churn has F1 0 and always churn 2 rate / (1 + rate).
            "baseline_f1": 2 * rate / (1 + rate),
            "baseline_log_loss": _entropy(rate),
        }

    def calibration_error(self, weights: Floats, positives: Floats) -> Floats:
        """Expected calibration error, [draws]: mean over rows of |mean probability - share of churn| of their bin.

        Naeini, Cooper and Hauskrecht (2015), with bins of equal size.

        Args:
            weights: [draws, cells] rows.
            positives: [draws, cells] rows that churned.

        """
        bins = np.eye(CALIBRATION_BINS)[self.calibration_bin]
        gap: Floats = (weights * self.probability - positives) @ bins
        error: Floats = np.abs(gap).sum(axis=1) / weights.sum(axis=1)
        return error

    def _roc_auc(self, weights: Floats) -> Floats:
        """Chance that a churner's probability is above a stayer's, ties counting half (Mann-Whitney U)."""
        positive = np.add.reduceat(weights * self.positive, self._group_starts, axis=1)
        negative = np.add.reduceat(weights * (1 - self.positive), self._group_starts, axis=1)
        below = np.cumsum(negative, axis=1) - negative / 2
        pairs: Floats = positive.sum(axis=1) * negative.sum(axis=1)
        return _ratio((positive * below).sum(axis=1), pairs, where_undefined=0.5)


@dataclass(frozen=True)
class Evaluation:
    """Every metric of judged predictions: of the sample, and of `DRAWS` bootstrap samples of it.

    Attributes:
        cells: the judged rows.
        values: metric -> figure.
        draws: metric -> [DRAWS] figures. The same draw of two metrics is of the same rows.

    """

    cells: Cells
    values: dict[str, float]
    draws: dict[str, Floats]

    @property
    def metrics(self) -> dict[str, Metric]:
        """Each metric with its 95 % interval: percentiles of the draws, less the bootstrap's own bias.

        A resample is less even than its sample, so its calibration error is larger: without the correction the
        figure would lie outside its interval.
        """
        return {name: _interval(value, self.draws[name]) for name, value in self.values.items()}


def evaluate(judgement: Judgement, seed: int) -> Evaluation:
    """Measure judged predictions; `seed` is the bootstrap's."""
    cells = Cells(judgement.target, judgement.probability, judgement.decision)
    values = {name: float(value[0]) for name, value in cells.metrics(cells.everything()).items()}
    return Evaluation(cells, values, cells.metrics(cells.resample(seed)))


def _interval(value: float, draws: Floats) -> Metric:
    low, high = np.quantile(draws, [0.025, 0.975]) - (draws.mean() - value)
    return Metric(value, max(float(low), 0.0), float(high))


def _ratio(numerator: Floats, denominator: Floats, where_undefined: float = 0.0) -> Floats:
    undefined = np.full_like(numerator, where_undefined)
    return np.divide(numerator, denominator, out=undefined, where=denominator > 0)


def _entropy(rate: Floats) -> Floats:
    rate = np.clip(rate, _TINY, 1 - _TINY)
    entropy: Floats = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    return entropy
