"""Reasons of a trained model: the content of `reasons.json`, with which the service explains predictions.

churn/model/reasons/ says what its parts mean.
"""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from churn.model.reasons.explainer import FORMAT
from churn.schema.definition import Schema
from churn.training.linear_effects import linear_effects
from churn.training.pipeline import TrainedModel
from churn.training.tree_paths import tree_paths


def reasons_document(model: TrainedModel, frame: pd.DataFrame) -> dict[str, Any]:
    """The content of `reasons.json`.

    Args:
        model: the fitted model.
        frame: the training rows, as `Dataset.frame` holds them: the background of a linear model.

    """
    linear = isinstance(model.pipeline["classifier"], LogisticRegression)
    described = linear_effects(model, frame) if linear else tree_paths(model.pipeline)
    return {"format": FORMAT, **described, "numbers": _describe_numbers(frame, model.inputs.schema)}


def _describe_numbers(frame: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Where each number's training rows lie, for `Phrases`."""
    described = []
    for name in schema.number_names:
        known = frame[name].dropna().to_numpy(np.float64)
        quartiles = np.quantile(known, (0.25, 0.75)).tolist() if len(known) else [None, None]
        flag = len(known) > 0 and bool(np.isin(known, (0.0, 1.0)).all())
        described.append({"quartiles": quartiles, "flag": flag})
    return described
