"""Effects of the features in a linear model: what each value adds to the log-odds, beyond the mean training row."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from churn.training.encoding import Inputs
from churn.training.estimators import Floats
from churn.training.pipeline import TrainedModel

_BLOCK = 50_000


def linear_effects(model: TrainedModel, frame: pd.DataFrame) -> dict[str, Any]:
    """What `churn.model.reasons.linear.LinearModel` takes, with its kind and base.

    Args:
        model: a fitted one, of the estimator `logistic`.
        frame: the training rows, as `Dataset.frame` holds them.

    """
    encoder, classifier = model.pipeline["encoder"], model.pipeline["classifier"]
    coefficients: Floats = classifier.coef_[0]
    means = _means(encoder, frame)
    parts = {
        name: (part, coefficients[encoder.output_indices_[name]], means[encoder.output_indices_[name]])
        for name, part, _ in encoder.transformers_
        if isinstance(part, Pipeline)
    }
    slopes, offsets, missing = _of_numbers(*parts["numbers"]) if "numbers" in parts else np.empty((3, 0))
    if "present" in parts:
        names = model.inputs.schema.number_names
        places = [names.index(name) for name in model.inputs.sometimes_missing]
        absent, present = _of_indicators(*parts["present"])
        missing[places] += absent
        offsets[places] += present
    return {
        "kind": "linear",
        "base": float(classifier.intercept_[0] + coefficients @ means),
        "slopes": slopes.tolist(),
        "offsets": offsets.tolist(),
        "missing": missing.tolist(),
        "levels": _of_levels(*parts["categories"], model.inputs).tolist() if "categories" in parts else [],
    }


def _means(encoder: ColumnTransformer, frame: pd.DataFrame) -> Floats:
    """[k] of the encoded rows, of which few are in memory at once."""
    parts = (frame.iloc[start : start + _BLOCK] for start in range(0, len(frame), _BLOCK))
    total: Floats = np.sum([encoder.transform(part).sum(axis=0) for part in parts], axis=0)
    return total / len(frame)


def _of_numbers(part: Pipeline, coefficients: Floats, means: Floats) -> tuple[Floats, Floats, Floats]:
    """Slope, offset, and effect where it is missing, of each number."""
    scale, medians = part["scale"], part["impute"].statistics_
    slopes = coefficients / scale.scale_
    offsets = -slopes * scale.mean_ - coefficients * means
    return slopes, offsets, slopes * medians + offsets


def _of_indicators(part: Pipeline, coefficients: Floats, means: Floats) -> tuple[Floats, Floats]:
    """[columns] effect of 0 and of 1 in each column of zeros and ones, which the last step weighs."""
    absent, present = part["weigh"].transform(np.array([0.0, 1.0])[:, None].repeat(len(means), axis=1)) - means
    return coefficients * absent, coefficients * present


def _of_levels(part: Pipeline, coefficients: Floats, means: Floats, inputs: Inputs) -> Floats:
    """Effect of each level, then of an unseen text of each category: one-hot columns of a category are added up."""
    absent, present = _of_indicators(part, coefficients, means)
    category = np.repeat(np.arange(len(inputs.categories)), list(map(len, inputs.categories.values())))
    unseen = np.bincount(category, absent, minlength=len(inputs.categories))
    return np.append(unseen[category] - absent + present, unseen)
