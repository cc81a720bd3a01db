"""Model selection: regularisation and threshold by cross-validation, evaluated by nested cross-validation."""

from dataclasses import dataclass

import numpy as np

from churn.console import Advance, ignore
from churn.decision import Objective
from churn.metrics import Floats, log_losses
from churn.training.encoding import Inputs, fit_encoder
from churn.training.estimators import Estimator, Parameters
from churn.training.sample import FOLDS, Sample, Target
from churn.training.threshold import choose_threshold

REPEATED_CUSTOMERS = 5_000
"""Up to so many, the choice depends on how they happen to be split, so it is made over several splits."""


@dataclass(frozen=True)
class Selection:
    """What cross-validation chose: parameters with the least log loss, and the threshold that serves the objective."""

    parameters: Parameters
    threshold: float


def select(
    sample: Sample, inputs: Inputs, estimator: Estimator, objective: Objective, seed: int, advance: Advance = ignore
) -> Selection:
    """Choose parameters and threshold by the out-of-fold probabilities of a sample; `advance` hears of each fold."""
    parameters, probability = predict_out_of_fold(sample, inputs, estimator, seed, advance)
    return Selection(parameters, choose_threshold(objective, sample.target, probability))


def predict_out_of_fold(
    sample: Sample, inputs: Inputs, estimator: Estimator, seed: int, advance: Advance = ignore
) -> tuple[Parameters, Floats]:
    """The parameters with the least log loss out of fold, and the [n] out-of-fold probabilities that they give."""
    target = sample.target
    repeats = _repeats(estimator, sample.customers)
    probabilities = np.zeros((len(estimator.grid), len(target)))
    losses = np.zeros(len(estimator.grid))
    for train, test in (fold for repeat in range(repeats) for fold in sample.folds(seed + repeat)):
        frame = sample.frame.iloc[train]
        encoder = fit_encoder(frame, inputs, scaled=estimator.scaled)
        known = encoder.transform(frame)
        unseen = encoder.transform(sample.frame.iloc[test])
        for index, parameters in enumerate(estimator.grid):
            classifier = estimator.make(parameters, seed, known.shape[1]).fit(known, target[train])
            probability = classifier.predict_proba(unseen)[:, 1]
            probabilities[index, test] += probability / repeats
            losses[index] += log_losses(target[test], probability).mean() * len(test)
        advance(1)
    best = int(np.argmin(losses))  # the first of equals: the stronger regularisation
    return estimator.grid[best], probabilities[best]


def evaluate_out_of_fold(
    sample: Sample, inputs: Inputs, estimator: Estimator, objective: Objective, seed: int, advance: Advance = ignore
) -> tuple[Floats, Target]:
    """Nested cross-validation: ([n] probabilities, [n] decisions).

    For each fold, parameters and threshold are chosen by cross-validation within the other folds.
    """
    probability = np.empty(len(sample.target))
    decision = np.empty(len(sample.target), dtype=np.int8)
    for train, test in sample.folds(seed):
        known = sample.take(train)
        chosen = select(known, inputs, estimator, objective, seed + 10, advance)
        encoder = fit_encoder(known.frame, inputs, scaled=estimator.scaled)
        encoded = encoder.transform(known.frame)
        classifier = estimator.make(chosen.parameters, seed, encoded.shape[1]).fit(encoded, known.target)
        probability[test] = classifier.predict_proba(encoder.transform(sample.frame.iloc[test]))[:, 1]
        decision[test] = probability[test] >= chosen.threshold
    return probability, decision


def count_folds(estimator: Estimator, customers: int, *, nested: bool) -> int:
    """About how many folds `select` fits to so many customers, and where `nested` the cross-validation around it."""
    inner = FOLDS * _repeats(estimator, customers * (FOLDS - 1) // FOLDS)
    return FOLDS * _repeats(estimator, customers) + nested * FOLDS * inner


def _repeats(estimator: Estimator, customers: int) -> int:
    return estimator.repeats if customers <= REPEATED_CUSTOMERS else 1
