"""Paired bootstrap of a candidate and the champion: differences of metrics on equal rows, with their bounds."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.copies import Customers, number_customers
from churn.metrics import Floats, log_losses, roc_auc

CONFIDENCE = 0.95
"""Of each one-sided bound: the chance that an equally good candidate looks worse is then 5 % a rule, at no margin."""
SEGMENT_CONFIDENCE = 0.99
"""Of all segments together (Bonferroni)."""
MIN_CUSTOMERS = 200
MAX_ROWS = 20_000
"""More rows are not needed: the noise of the difference of log losses is then a third of the usual margin or less."""
SEGMENT_CUSTOMERS = 100
DRAWS = 1000
_BLOCK = 100_000


class Difference(NamedTuple):
    """A metric of both models; `low` and `high` are one-sided 95 % bounds of candidate less champion."""

    champion: float
    candidate: float
    low: float
    high: float


class Segment(NamedTuple):
    """Mean log loss of candidate less champion over the customers of one category, and its bounds, for all at once."""

    feature: str
    category: str
    rows: int
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class ChampionComparison:
    """Comparison of a candidate with the champion, or why there is none.

    Attributes:
        tag: the champion's BentoML tag; None where there is no champion.
        problem: why the two were not compared; None where they were.
        rows: how many rows were compared.
        left_out: how many rows are not compared, as the champion was fitted on them, or may have been.
        log_loss: better when lower.
        roc_auc: better when higher.
        segments: those with at least `SEGMENT_CUSTOMERS` different customers.

    """

    tag: str | None = None
    problem: str | None = None
    rows: int = 0
    left_out: int = 0
    log_loss: Difference | None = None
    roc_auc: Difference | None = None
    segments: tuple[Segment, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For metadata.json."""
        return {
            **asdict(self),
            "log_loss": self.log_loss and self.log_loss._asdict(),
            "roc_auc": self.roc_auc and self.roc_auc._asdict(),
            "segments": [segment._asdict() for segment in self.segments],
        }


def paired_differences(
    target: npt.NDArray[np.int8], champion: Floats, candidate: Floats, seed: int, customer: Customers | None = None
) -> tuple[Difference, Difference]:
    """Log loss and ROC AUC of both, and percentile bounds of their differences by the paired bootstrap.

    Each draw takes the same customers for both models, so that the luck of the draw cancels out.

    Args:
        target: [n] of 0 and 1, both present.
        champion: [n] its probabilities.
        candidate: [n] its probabilities.
        seed: of the bootstrap.
        customer: [n] the number of the customer that each row is, which is drawn with all of its rows; None where
            each row is another.

    """
    customer = np.arange(len(target)) if customer is None else customer
    losses = log_losses(target, champion), log_losses(target, candidate)
    rankings = _Ranking(target, champion), _Ranking(target, candidate)
    loss_draws, auc_draws = [], []
    for counts in _resamples(customer, seed):
        loss_draws.append(counts @ (losses[1] - losses[0]) / counts.sum(axis=1))
        auc_draws.append(rankings[1].roc_auc(counts) - rankings[0].roc_auc(counts))
    once = np.ones((1, len(target)))
    aucs = [float(ranking.roc_auc(once)[0]) for ranking in rankings]
    return (
        Difference(float(losses[0].mean()), float(losses[1].mean()), *_bounds(np.concatenate(loss_draws))),
        Difference(aucs[0], aucs[1], *_bounds(np.concatenate(auc_draws))),
    )


def segment_differences(frame: pd.DataFrame, excess: Floats, customer: Customers | None = None) -> tuple[Segment, ...]:
    """The mean excess loss in each segment with enough customers.

    The bounds hold for all segments at once, so each is too far out for `DRAWS` draws to show; they are those of
    the normal distribution that the mean of so many rows follows.

    Args:
        frame: the [n] rows.
        excess: [n] log loss of the candidate less that of the champion.
        customer: as in `paired_differences`.

    """
    customer = np.arange(len(excess)) if customer is None else customer
    groups = [
        (name, str(category), excess[rows], customers)
        for name in map(str, frame.select_dtypes("category"))
        for category, rows in frame.reset_index(drop=True).groupby(name, observed=True).indices.items()
        if (customers := number_customers(customer[rows])).max() + 1 >= SEGMENT_CUSTOMERS
    ]
    far = NormalDist().inv_cdf(1 - (1 - SEGMENT_CONFIDENCE) / max(len(groups), 1))
    return tuple(
        _segment(name, category, part, far * _spread(part, customers)) for name, category, part, customers in groups
    )


def _segment(name: str, category: str, excess: Floats, spread: float) -> Segment:
    mean, half = float(excess.mean()), spread / len(excess) ** 0.5
    return Segment(name, category, len(excess), mean, mean - half, mean + half)


def _spread(excess: Floats, customer: Customers) -> float:
    """The standard deviation; where customers have several rows, that of rows as independent as theirs are.

    Over the root of the number of rows it is the standard error of their mean (Liang and Zeger 1986).
    """
    deviations = np.bincount(customer, weights=excess - excess.mean())
    return float(np.sqrt((deviations**2).sum() / len(excess)))


class _Ranking:
    """Rows in the order of one model's probabilities."""

    def __init__(self, target: npt.NDArray[np.int8], probability: Floats) -> None:
        self._order = np.argsort(probability, kind="stable")
        self._positive = target[self._order].astype(np.float64)
        self._starts = np.unique(probability[self._order], return_index=True)[1]

    def roc_auc(self, counts: Floats) -> Floats:
        """[draws] of rows counted [draws, n] times."""
        ordered = counts[:, self._order]
        return roc_auc(ordered * self._positive, ordered * (1 - self._positive), self._starts)


def _resamples(customer: Customers, seed: int) -> Iterator[Floats]:
    """How often each row is drawn, [some, rows] at a time, `DRAWS` in all.

    Not by `Cells.resample`: of 20,000 customers with two probabilities each, almost all would be cells of their own,
    and multinomial weights would take 1.0 s instead of 0.2.
    """
    rng = np.random.default_rng(seed)
    customers = int(customer.max()) + 1
    at_once = max(_BLOCK // len(customer), 1)
    for start in range(0, DRAWS, at_once):
        count = min(at_once, DRAWS - start)
        drawn = rng.integers(customers, size=(count, customers)) + np.arange(count)[:, None] * customers
        counts = np.bincount(drawn.ravel(), minlength=count * customers).reshape(count, customers)
        yield counts.take(customer, axis=1).astype(np.float64)


def _bounds(draws: Floats) -> tuple[float, float]:
    low, high = np.quantile(draws, [1 - CONFIDENCE, CONFIDENCE])
    return float(low), float(high)
