"""Estimators of `churn train --model`, with the grid of regularisations of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

WIDE = 200
"""Beyond so many columns, the Hessian takes most of a fit."""

type Floats = npt.NDArray[np.float64]
type Parameters = Mapping[str, float | int]


class Classifier(Protocol):
    """What is used of a scikit-learn classifier."""

    def fit(self, encoded: Floats, target: npt.NDArray[np.int8]) -> "Classifier":
        """Fit to [n, k] features and [n] targets."""

    def predict_proba(self, encoded: Floats) -> Floats:
        """[n, 2] probabilities of 0 and 1."""


@dataclass(frozen=True)
class Estimator:
    """A kind of model.

    Attributes:
        name: as `--model` takes it.
        scaled: whether it wants numbers of mean 0 and standard deviation 1.
        repeats: over how many splits of a small set the regularisation is chosen; a slow estimator has one.
        grid: the regularisations to choose from, the strongest first.
        make: an unfitted classifier of these parameters and this seed, for inputs of so many columns.

    """

    name: str
    scaled: bool
    repeats: int
    grid: tuple[Parameters, ...]
    make: Callable[[Parameters, int, int], Classifier]


def _logistic(parameters: Parameters, seed: int, columns: int) -> Classifier:
    # Newton's method with the k x k Hessian: a few passes over the rows, and exact to machine precision.
    solver: Mapping[str, Any] = {"solver": "newton-cholesky", "max_iter": 100}
    if columns > WIDE:
        # With 500 columns a fifth of the time, and probabilities within 1e-4 of Newton's.
        solver = {"solver": "lbfgs", "max_iter": 1000, "tol": 1e-6}
    classifier: Classifier = LogisticRegression(**parameters, **solver, random_state=seed)
    return classifier


def _hist_gradient_boosting(parameters: Parameters, seed: int, _: int) -> Classifier:
    classifier: Classifier = HistGradientBoostingClassifier(
        **parameters, learning_rate=0.05, min_samples_leaf=20, early_stopping=False, random_state=seed
    )
    return classifier


_ALL = (
    Estimator(
        "logistic",
        scaled=True,
        repeats=2,
        grid=tuple({"C": 10.0**exponent} for exponent in (-3, -2.5, -2, -1.5, -1, -0.5, 0, 1)),
        make=_logistic,
    ),
    Estimator(
        "hist-gradient-boosting",
        scaled=False,
        repeats=1,
        grid=(
            {"max_iter": 60, "max_leaf_nodes": 3, "l2_regularization": 10.0},
            {"max_iter": 120, "max_leaf_nodes": 4, "l2_regularization": 10.0},
            {"max_iter": 150, "max_leaf_nodes": 6, "l2_regularization": 10.0},
            {"max_iter": 100, "max_leaf_nodes": 15, "l2_regularization": 1.0},
        ),
        make=_hist_gradient_boosting,
    ),
)
ESTIMATORS: Mapping[str, Estimator] = {estimator.name: estimator for estimator in _ALL}
