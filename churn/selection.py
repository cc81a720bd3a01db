"""Choosing regularisation and threshold by cross-validation, and judging both on rows that neither has seen."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from churn.encoding import Categories, encode, fit_encoder
from churn.errors import TrainingError
from churn.estimators import Estimator, Parameters

type Floats = npt.NDArray[np.float64]
type Target = npt.NDArray[np.int8]

FOLDS = 5
REPEATED_ROWS = 5_000
"""Up to so many rows the choice depends on how they happen to be split, so it is made over several splits."""


@dataclass(frozen=True)
class Selection:
    """What cross-validation chose: parameters with the least log loss, and the threshold with the best F1."""

    parameters: Parameters
    threshold: float


def select(frame: pd.DataFrame, target: Target, categories: Categories, estimator: Estimator, seed: int) -> Selection:
    """Choose parameters and threshold by the out-of-fold probabilities of [n] rows.

    Raises:
        TrainingError: a class has fewer rows than there are folds.
    """
    repeats = estimator.repeats if len(target) <= REPEATED_ROWS else 1
    probabilities = np.zeros((len(estimator.grid), len(target)))
    losses = np.zeros(len(estimator.grid))
    for train, test in (fold for repeat in range(repeats) for fold in _folds(target, seed + repeat)):
        encoder = fit_encoder(frame.iloc[train], categories, scaled=estimator.scaled)
        known = encode(encoder, frame.iloc[train], categories)
        unseen = encode(encoder, frame.iloc[test], categories)
        for index, parameters in enumerate(estimator.grid):
            classifier = estimator.make(parameters, seed).fit(known, target[train])
            probability = classifier.predict_proba(unseen)[:, 1]
            probabilities[index, test] += probability / repeats
            losses[index] += log_loss(target[test], probability) * len(test)
    best = int(np.argmin(losses))  # the first of equals: the stronger regularisation
    return Selection(estimator.grid[best], best_threshold(target, probabilities[best]))


def judge_out_of_fold(
    frame: pd.DataFrame, target: Target, categories: Categories, estimator: Estimator, seed: int
) -> tuple[Floats, Target]:
    """Nested cross-validation: ([n] probabilities, [n] decisions).

    For each fold, parameters and threshold are chosen by cross-validation within the other folds.
    """
    probability = np.empty(len(target))
    decision = np.empty(len(target), dtype=np.int8)
    for train, test in _folds(target, seed):
        known, truth = frame.iloc[train], target[train]
        chosen = select(known, truth, categories, estimator, seed + 10)
        encoder = fit_encoder(known, categories, scaled=estimator.scaled)
        classifier = estimator.make(chosen.parameters, seed).fit(encode(encoder, known, categories), truth)
        probability[test] = classifier.predict_proba(encode(encoder, frame.iloc[test], categories))[:, 1]
        decision[test] = probability[test] >= chosen.threshold
    return probability, decision


def best_threshold(target: Target, probability: Floats) -> float:
    """The threshold, between two neighbouring probabilities, at which `probability >= threshold` has the best F1."""
    order = np.argsort(-probability, kind="stable")
    ranked, hits = probability[order], np.cumsum(target[order])
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + hits[-1])
    below = np.append(ranked[1:], 0.0)
    f1[ranked == below] = -1.0  # no threshold separates equal probabilities
    best = int(np.argmax(f1))
    return float((ranked[best] + below[best]) / 2)


def log_loss(target: Target, probability: Floats) -> float:
    """Mean of -log of the probability that was given to what happened, in nats."""
    happened = np.where(target == 1, probability, 1 - probability)
    return float(-np.log(np.clip(happened, np.finfo(float).eps, None)).mean())


def _folds(target: Target, seed: int) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    rarest = int(np.bincount(target, minlength=2).min())
    # Within each outer fold's training part there must still be one row a class for each inner fold.
    if rarest * (FOLDS - 1) // FOLDS < FOLDS:
        raise TrainingError(
            f"too few rows to train on: the rarer class has {rarest}, cross-validation needs at least "
            f"{FOLDS * FOLDS // (FOLDS - 1) + 1}; collect more data"
        )
    splits = StratifiedKFold(FOLDS, shuffle=True, random_state=seed % 2**32).split(np.zeros(len(target)), target)
    return list(splits)
