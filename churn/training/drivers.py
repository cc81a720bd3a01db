"""Drivers of a model: what it has learnt of each feature, and how much it needs it."""

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from churn.data.copies import number_customers
from churn.data.dataset import Dataset
from churn.training.encoded_columns import EncodedColumns
from churn.training.estimators import ESTIMATORS
from churn.training.odds_ratios import odds_ratios
from churn.training.partial_effects import partial_effects
from churn.training.permutation import most_rows, permutation_importance
from churn.training.pipeline import TrainedModel
from churn.training.sample import Sample

MOST_ROWS = 50_000
"""Of so many training rows the quantiles are those of all within half a percent."""


def drivers(model: TrainedModel, dataset: Dataset, seed: int) -> dict[str, Any]:
    """Odds ratios (of a linear model; else None), partial effects and permutation importance."""
    columns = EncodedColumns.of(model.inputs, scaled=ESTIMATORS[model.estimator].scaled)
    with threadpool_limits(1):  # the work is small: threads cost more than they bring
        return {
            "odds_ratios": _odds_ratios(model, dataset, seed),
            "partial_effects": _partial_effects(model, columns, dataset, seed),
            "permutation_importance": _permutation_importance(model, columns, seed),
        }


def _odds_ratios(model: TrainedModel, dataset: Dataset, seed: int) -> list[dict[str, Any]] | None:
    if model.estimator != "logistic":
        return None
    sample = Sample(dataset.frame, dataset.target, number_customers(dataset.digests))
    return odds_ratios(model.pipeline, model.inputs, sample, 1 / model.parameters["C"], seed)


def _partial_effects(model: TrainedModel, columns: EncodedColumns, dataset: Dataset, seed: int) -> list[dict[str, Any]]:
    frame = dataset.frame
    if len(frame) > MOST_ROWS:
        frame = frame.iloc[np.random.default_rng(seed).choice(len(frame), MOST_ROWS, replace=False, shuffle=False)]
    return partial_effects(model.pipeline, columns, frame, model.inputs.schema, seed)


def _permutation_importance(model: TrainedModel, columns: EncodedColumns, seed: int) -> list[dict[str, str | float]]:
    predictions, names = model.predictions, model.inputs.schema.feature_names
    rows, most = len(predictions.target), most_rows(len(names))
    chosen = np.random.default_rng(seed).choice(rows, min(rows, most), replace=False)
    encoded = model.pipeline["encoder"].transform(predictions.frame.iloc[chosen])
    return permutation_importance(
        model.pipeline["classifier"], encoded, predictions.target[chosen], names, columns, seed
    )
