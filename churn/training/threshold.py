"""Threshold of an objective, chosen by probabilities for rows that the models which gave them have not seen."""

import numpy as np
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from churn.decision import Campaign, Objective
from churn.metrics import Floats
from churn.training.sample import Target

_NO_DIFFERENCE = 1e-6
"""Log-odds: where all probabilities are so close, there is nothing to recalibrate."""


def choose_threshold(objective: Objective, target: Target, probability: Floats) -> float:
    """The threshold, 0 to 1, at which `probability >= threshold` serves the objective best.

    Args:
        objective: what it is chosen for.
        target: [n] of 0 and 1, both present.
        probability: [n] of churn, in [0, 1].

    """
    if objective.campaign is not None:
        return profit_threshold(objective.campaign, target, probability)
    if objective.share is not None:
        return share_threshold(objective.share, probability)
    return f1_threshold(target, probability)


def f1_threshold(target: Target, probability: Floats) -> float:
    """The threshold, between two neighbouring probabilities, with the best F1."""
    hits = np.cumsum(target[_ranking(probability)])
    return _best_cut(probability, 2 * hits / (np.arange(1, len(hits) + 1) + hits[-1]))


def share_threshold(share: float, probability: Floats) -> float:
    """The threshold, between two neighbouring probabilities, that a share of rows nearest to `share` reaches.

    It is reached by one row at least, and by all rows of equal probabilities or none.
    """
    shares = np.arange(1, len(probability) + 1) / len(probability)
    return _best_cut(probability, -np.abs(shares - share))


def profit_threshold(campaign: Campaign, target: Target, probability: Floats) -> float:
    """The probability at which the churn rate crosses the campaign's break-even, after Platt's recalibration (1999).

    Contacting pays from a churn rate of cost / (success rate x value) on (Elkan 2001, The foundations of cost-sensitive
    learning). The churn rate of a probability is a logistic regression of the target on its logit: two parameters,
    which the noise of some hundred churners moves little.

    Chosen by `benchmarks/threshold_profit.py`, which knows the true probabilities: over 1,200 to 5,000 rows, both
    estimators and break-evens of 0.1 to 0.5, the expected profit is within 2 % of that of the model's best threshold in
    357 of 360 trainings. With the maximum of the profit curve, which follows the noise of the rows, it is in 329. With
    the break-even itself it is in as many as with this, but where no model fits the process and the probabilities are
    too even (steps, break-even 0.1) in 105 of 120 instead of 112. The three of 360 are boosting on 1,200 rows.
    """
    break_even = campaign.break_even
    scores = logit(np.clip(probability, 1e-9, 1 - 1e-9))
    if np.ptp(scores) < _NO_DIFFERENCE:
        return break_even
    recalibration = LogisticRegression(penalty=None, solver="newton-cholesky").fit(scores[:, None], target)
    slope, intercept = float(recalibration.coef_[0, 0]), float(recalibration.intercept_[0])
    if slope <= 0:  # the probabilities rank no better than chance: nothing to learn from these rows
        return break_even
    return float(expit((logit(break_even) - intercept) / slope))


def _ranking(probability: Floats) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.argsort(-probability, kind="stable")


def _best_cut(probability: Floats, scores: Floats) -> float:
    """The middle between the probabilities on both sides of the best cut.

    Args:
        probability: [n] in any order.
        scores: [n] of the cut below each probability, from the highest on; of equals the first is taken.

    """
    ranked = probability[_ranking(probability)]
    below = np.append(ranked[1:], 0.0)
    best = int(np.argmax(np.where(ranked == below, -np.inf, scores)))  # no threshold separates equal probabilities
    return float((ranked[best] + below[best]) / 2)
