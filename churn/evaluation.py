"""Evaluation of predictions: each metric with its bootstrap interval.

Names and directions are scikit-learn's: `log_loss`, `brier` and `calibration_error` are better when lower,
the rest when higher.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

from churn.decision import Campaign, Counts
from churn.metrics import Floats, average_precision, lift, log_losses, ratio, roc_auc

type Customers = npt.NDArray[np.intp]

DRAWS = 1000
EXACT_LEVELS = 4096
COARSE_LEVELS = 1024
CALIBRATION_BINS = 10
_MOST_WEIGHTS = DRAWS * 4 * EXACT_LEVELS  # at once: 130 MB


@dataclass(frozen=True)
class Predictions:
    """Predictions for rows that neither the model, nor its regularisation, nor its threshold has seen.

    Attributes:
        source: where the rows come from: `out-of-fold`, `held-out quarter`, or the name of a holdout file.
        frame: the n rows, columns `schema.FEATURE_NAMES`.
        target: [n] of 0 and 1.
        probability: [n] of churn, in [0, 1].
        decision: [n] of 0 and 1, by a threshold that was chosen without the row.
        customer: [n] the number of the customer that each row is, by `copies.number_customers`; None where each row
            is another.

    """

    source: str
    frame: "pd.DataFrame"
    target: npt.NDArray[np.int8]
    probability: Floats
    decision: npt.NDArray[np.int8]
    customer: Customers | None = None


class Metric(NamedTuple):
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class Cells:
    """Customers binned by target, decision and probability: sufficient statistics for a multinomial bootstrap.

    A resample draws customers, each with all of its rows, and is one weight a cell. The customers of a cell share
    decision and probability, and have equally many rows of each target. Beyond `EXACT_LEVELS` distinct probabilities,
    those are gathered into `COARSE_LEVELS` of equally many. The cells are in order of probability.

    Args:
        target: [n] of 0 and 1.
        probability: [n]; equal in all rows of a customer.
        decision: [n] of 0 and 1; equal in all rows of a customer.
        customer: as in `Predictions`.
        exact: gather no probabilities, however many there are: for the sample itself, not for the bootstrap.

    Attributes:
        count: [cells] customers in each.
        size: [cells] rows of one of its customers.
        positive: [cells] how many of those rows churned.
        decided: [cells] the decision, 0 or 1.

    """

    def __init__(
        self,
        target: npt.ArrayLike,
        probability: npt.ArrayLike,
        decision: npt.ArrayLike,
        customer: Customers | None = None,
        *,
        exact: bool = False,
    ) -> None:
        target, decision = np.asarray(target), np.asarray(decision)
        probability = np.asarray(probability, dtype=np.float64)
        size, positive = np.ones(len(target), dtype=np.int64), target.astype(np.int64)
        if customer is not None:
            first = np.unique(customer, return_index=True)[1]
            size, positive = np.bincount(customer), np.bincount(customer[target == 1], minlength=len(first))
            probability, decision = probability[first], decision[first]
        distinct, level = np.unique(probability, return_inverse=True)
        if len(distinct) > EXACT_LEVELS and not exact:
            level = level * COARSE_LEVELS // len(distinct)
        rows, kind = np.unique(positive * (size.max() + 1) + size, return_inverse=True)
        key, cell = np.unique((level * len(rows) + kind) * 2 + decision, return_inverse=True)
        self.count: npt.NDArray[np.int64] = np.bincount(cell)
        self.size: Floats = (rows % (size.max() + 1))[key // 2 % len(rows)].astype(np.float64)
        self.positive: Floats = (rows // (size.max() + 1))[key // 2 % len(rows)].astype(np.float64)
        self.decided: Floats = (key % 2).astype(np.float64)
        # The first cell of each group of equal probabilities: tied rows count half in the area under the curve.
        self._group_starts = np.unique(key // (2 * len(rows)), return_index=True)[1]
        negative = size - positive
        self.probability = self._mean(cell, probability)
        self.loss = self._mean(cell, positive * log_losses(1, probability) + negative * log_losses(0, probability))
        self.squared_error = self._mean(cell, positive * (probability - 1) ** 2 + negative * probability**2)

    def _mean(self, cell: npt.NDArray[np.intp], values: Floats) -> Floats:
        return np.bincount(cell, weights=values) / self.count

    @cached_property
    def calibration_bin(self) -> npt.NDArray[np.intp]:
        """[cells] the bin of each: `CALIBRATION_BINS` of about equally many rows, equal probabilities together."""
        rows_of_group = np.add.reduceat(self.count * self.size, self._group_starts)
        middle = np.cumsum(rows_of_group) - rows_of_group / 2
        bins = np.minimum((middle * CALIBRATION_BINS / rows_of_group.sum()).astype(np.intp), CALIBRATION_BINS - 1)
        return np.repeat(bins, np.diff(self._group_starts, append=len(self.count)))

    def once(self) -> Floats:
        """[1, cells] the weights of the sample itself."""
        return self.count[None, :].astype(np.float64)

    def resample(self, seed: int | np.random.Generator, draws: int = DRAWS) -> Floats:
        """[draws, cells] weights of bootstrap samples: as many customers as there are, drawn with replacement."""
        rng = np.random.default_rng(seed)
        customers = int(self.count.sum())
        return rng.multinomial(customers, self.count / customers, size=draws).astype(np.float64)

    def blocks(self, draws: int) -> Iterator[int]:
        """`draws` in parts, each so small that its weights fit into memory whatever the number of cells."""
        most = max(_MOST_WEIGHTS // len(self.count), 1)
        for start in range(0, draws, most):
            yield min(most, draws - start)

    def counts(self, weights: Floats) -> Counts:
        """How many rows the decisions are about, of weighted cells [draws, cells]."""
        columns = (self.size, self.positive, self.decided * self.size, self.positive * self.decided)
        return Counts(*(weights @ column for column in columns))

    def metrics(self, weights: Floats) -> dict[str, Floats]:
        """Each metric by name, [draws], of weighted cells.

        Args:
            weights: [draws, cells], customers of each cell in each draw.

        """
        rows, positives, decided, hits = self.counts(weights)
        rate = positives / rows
        stayers, churners = (
            np.add.reduceat(weights * part, self._group_starts, axis=1)[:, ::-1]
            for part in (self.size - self.positive, self.positive)
        )
        return {
            "accuracy": (rows - positives - decided + 2 * hits) / rows,
            "precision": ratio(hits, decided),
            "recall": ratio(hits, positives),
            "f1": ratio(2.0 * hits, positives + decided),
            "roc_auc": roc_auc(weights * self.positive, weights * (self.size - self.positive), self._group_starts),
            "average_precision": average_precision(churners, stayers),
            "lift_top_tenth": lift(churners, stayers, 0.1),
            "log_loss": weights @ self.loss / rows,
            "brier": weights @ self.squared_error / rows,
            "calibration_error": self.calibration_error(weights * self.size, weights * self.positive),
            # Of the two constant answers, never churn has F1 0 and always churn 2 rate / (1 + rate).
            "baseline_f1": 2 * rate / (1 + rate),
            "baseline_log_loss": rate * log_losses(1, rate) + (1 - rate) * log_losses(0, rate),
        }

    def calibration_error(self, rows: Floats, positives: Floats) -> Floats:
        """Expected calibration error, [draws]: mean over rows of |mean probability - share of churn| of their bin.

        Naeini, Cooper and Hauskrecht (2015), with bins of equal size.

        Args:
            rows: [draws, cells].
            positives: [draws, cells] rows that churned.

        """
        bins = np.eye(CALIBRATION_BINS)[self.calibration_bin]
        gap: Floats = (rows * self.probability - positives) @ bins
        error: Floats = np.abs(gap).sum(axis=1) / rows.sum(axis=1)
        return error

    def calibration_error_by_chance(self, seed: int, draws: int) -> Floats:
        """[draws] of the calibration error where the probabilities are right: customers leave with all their rows."""
        rng = np.random.default_rng(seed)
        probability = np.clip(self.probability, 0.0, 1.0)
        found = []
        for part in self.blocks(draws):
            churned = rng.binomial(self.count, probability, size=(part, len(self.count)))
            rows = np.broadcast_to(self.once() * self.size, churned.shape)
            found.append(self.calibration_error(rows, churned * self.size))
        return np.concatenate(found)


@dataclass(frozen=True)
class Evaluation:
    """Every metric of predictions: of the sample, and of `DRAWS` bootstrap samples of it.

    Attributes:
        cells: the predicted rows.
        values: metric -> figure of the sample.
        draws: metric -> [DRAWS] figures of the bootstrap samples. The same draw of two metrics is of the same rows.
        count_draws: the decisions of the same draws, each [DRAWS].

    """

    cells: Cells
    values: dict[str, float]
    draws: dict[str, Floats]
    count_draws: Counts

    @property
    def metrics(self) -> dict[str, Metric]:
        """Each metric with its 95 % interval: percentiles of the draws, less the bootstrap's own bias.

        A resample is less even than its sample, so its calibration error is larger: without the correction the
        figure would lie outside its interval.
        """
        return {name: _interval(value, self.draws[name], 0.0) for name, value in self.values.items()}

    @property
    def counts(self) -> Counts:
        """The decisions of the sample, each [1]."""
        return self.cells.counts(self.cells.once())

    def expected_profit(self, campaign: Campaign) -> Metric:
        """Profit of the decisions per row, with its 95 % interval."""
        draws = campaign.mean_profit(self.count_draws)
        return _interval(float(campaign.mean_profit(self.counts)[0]), draws, -np.inf)


def evaluate(predictions: Predictions, seed: int) -> Evaluation:
    """Every metric of predictions; `seed` is the bootstrap's."""
    cells = Cells(predictions.target, predictions.probability, predictions.decision, predictions.customer)
    exact = exact_cells(predictions)
    values = {name: float(value[0]) for name, value in exact.metrics(exact.once()).items()}
    rng = np.random.default_rng(seed)
    parts, counts = [], []
    for part in cells.blocks(DRAWS):
        weights = cells.resample(rng, part)
        parts.append(cells.metrics(weights))
        counts.append(cells.counts(weights))
    draws = {name: np.concatenate([part[name] for part in parts]) for name in values}
    return Evaluation(cells, values, draws, Counts(*(np.concatenate(column) for column in zip(*counts, strict=True))))


def exact_cells(predictions: Predictions) -> Cells:
    """Each distinct probability in cells of its own: the figures of the sample itself."""
    return Cells(predictions.target, predictions.probability, predictions.decision, predictions.customer, exact=True)


def _interval(value: float, draws: Floats, lowest: float) -> Metric:
    """Not below the lowest value that there can be."""
    low, high = np.quantile(draws, [0.025, 0.975]) - (draws.mean() - value)
    return Metric(value, max(float(low), lowest), float(high))
