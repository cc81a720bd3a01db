"""Drivers of a model: what it has learnt of each feature, and how much it needs it."""

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from churn.data.copies import number_customers
from churn.data.dataset import Dataset
from churn.training.encoded_columns import EncodedColumns
from churn.training.estimators import ESTIMATORS, Classifier
from churn.training.odds_ratios import odds_ratios
from churn.training.partial_effects import partial_effects
from churn.training.permutation import most_rows, permutation_importance
from churn.training.pipeline import OUT_OF_FOLD, QUARTER, TrainedModel
from churn.training.sample import Sample

MOST_ROWS = 50_000
"""Of so many training rows the quantiles are those of all within half a percent."""
MOST_FITTED = 20_000
"""Rows for importance: four fifths to fit a model of the same kind to, the others to shuffle."""
BOTH = 2


def drivers(model: TrainedModel, dataset: Dataset, seed: int) -> dict[str, Any]:
    """Odds ratios (of a linear model; else None), partial effects and permutation importance."""
    columns = EncodedColumns.of(model.inputs, scaled=ESTIMATORS[model.estimator].scaled)
    with threadpool_limits(1):  # the work is small: threads cost more than they bring
        return {
            "odds_ratios": _odds_ratios(model, dataset, seed),
            "partial_effects": _partial_effects(model, columns, dataset, seed),
            **_importance(model, columns, dataset, seed),
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


def _importance(model: TrainedModel, columns: EncodedColumns, dataset: Dataset, seed: int) -> dict[str, Any]:
    """Permutation importance on rows that the classifier has not seen, and which rows these are."""
    on, classifier, held_out = _unseen(model, dataset, seed)
    names = model.inputs.schema.feature_names
    rows = held_out.part(most_rows(len(names)), seed)
    encoded = model.pipeline["encoder"].transform(rows.frame)
    found = permutation_importance(classifier, encoded, rows.target, names, columns, seed)
    return {"permutation_importance": found, "importance_on": on}


def _unseen(model: TrainedModel, dataset: Dataset, seed: int) -> tuple[str, Classifier, Sample]:
    """The model and its holdout; without one, a model of the same kind and the fifth of the rows held out from it."""
    classifier, predictions = model.pipeline["classifier"], model.predictions
    if predictions.source not in (OUT_OF_FOLD, QUARTER):
        customer = np.arange(len(predictions.target)) if predictions.customer is None else predictions.customer
        return "holdout", classifier, Sample(predictions.frame, predictions.target, customer)
    sample = Sample(dataset.frame, dataset.target, number_customers(dataset.digests)).part(MOST_FITTED, seed)
    fitted, held_out = map(sample.take, sample.split(0.8, seed))
    if len(np.unique(fitted.target)) < BOTH:
        return "training rows", classifier, sample
    encoded = model.pipeline["encoder"].transform(fitted.frame)
    unfitted = ESTIMATORS[model.estimator].make(model.parameters, seed, encoded.shape[1])
    return "held-out fifth", unfitted.fit(encoded, fitted.target), held_out
