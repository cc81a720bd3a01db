"""Files of a stored model, made from a trained model and its training data.

model.onnx      the serving form
model.joblib    the scikit-learn pipeline, for people and for retraining; never loaded by the service. It takes raw
                frames, categories written as in card.json, and loads without this project
reference.json  the training distribution that drift compares with
golden.json     a few records with the probabilities that they must give
card.json       description of the model for people and for the service
training_rows.npy  digests of the training rows, so that no model is evaluated on them (churn/training/leakage.py)
"""

import importlib.metadata
import io
import json
from collections.abc import Mapping
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.dataset import Dataset
from churn.drift.reference import build_reference, train_stats
from churn.schema.record import (
    CATEGORICAL_FEATURES,
    CATEGORICAL_NAMES,
    FEATURE_NAMES,
    MISSING_CATEGORY,
    NUMERIC_FEATURES,
    SCHEMA_VERSION,
    Customer,
)
from churn.scoring.scorer import Scorer
from churn.training.leakage import FILE_NAME, TrainingRows
from churn.training.pipeline import TrainedModel

GOLDEN_RECORDS = 8
_LIBRARIES = ("scikit-learn", "pandas", "numpy", "joblib", "onnxruntime", "skl2onnx", "bentoml")


def library_versions() -> dict[str, str]:
    """The versions that training and serving should agree on."""
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}


def model_files(model: TrainedModel, onnx: bytes, dataset: Dataset, facts: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of a stored model by name.

    Args:
        model: the fitted model.
        onnx: its serving form.
        dataset: what it was fitted on.
        facts: the card's entries beside features and threshold: time, data, metrics, seed.

    """
    card = {
        "schema_version": SCHEMA_VERSION,
        **facts,
        "estimator": model.estimator,
        "parameters": model.parameters,
        "threshold": model.threshold,
        "categories": model.categories,
        "features": _describe_features(model, dataset.frame),
        "train_stats": train_stats(dataset.frame),
    }
    reference = build_reference(dataset.frame, model.predictions.probability)
    golden = _golden(Scorer("candidate", onnx, card), dataset.frame, int(facts["seed"]))
    pickled = io.BytesIO()
    joblib.dump(model.pipeline, pickled)
    return {
        "model.onnx": onnx,
        "model.joblib": pickled.getvalue(),
        "reference.json": _json(reference),
        "golden.json": _json(golden),
        "card.json": _json(card),
        FILE_NAME: TrainingRows.of(dataset.frame).to_bytes(),
    }


def _describe_features(model: TrainedModel, frame: pd.DataFrame) -> list[dict[str, Any]]:
    numbers = [
        {
            "name": feature.name,
            "kind": "integer" if feature.integer else "number",
            "minimum": feature.minimum,
            "maximum": feature.maximum,
            "training_minimum": float(frame[feature.name].min()),
            "training_maximum": float(frame[feature.name].max()),
        }
        for feature in NUMERIC_FEATURES
    ]
    categories = [
        {"name": feature.name, "kind": "category", "categories": model.categories[feature.name]}
        for feature in CATEGORICAL_FEATURES
    ]
    return [*numbers, *categories]


def _golden(scorer: Scorer, frame: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Some complete training rows, and the last one again with categories that no training has seen."""
    complete = frame.notna().all(axis=1) & (frame[list(CATEGORICAL_NAMES)] != MISSING_CATEGORY).all(axis=1)
    candidates: npt.NDArray[np.intp] = np.flatnonzero(complete)
    count = min(GOLDEN_RECORDS - 1, len(candidates))
    rows = np.random.default_rng(seed).choice(candidates, count, replace=False)
    records = [_record(frame, int(row)) for row in sorted(rows)]
    records.append({**records[-1], **dict.fromkeys(CATEGORICAL_NAMES, "golden unseen")})
    customers = [Customer.model_validate(record) for record in records]
    return {
        "records": [
            {"customer": customer.model_dump(exclude={"request_id"}), "probability": probability}
            for customer, probability in zip(customers, scorer.score(customers), strict=True)
        ]
    }


def _record(frame: pd.DataFrame, row: int) -> dict[str, Any]:
    values = {name: frame[name].iloc[row] for name in FEATURE_NAMES}
    numbers = {f.name: int(values[f.name]) if f.integer else float(values[f.name]) for f in NUMERIC_FEATURES}
    return numbers | {name: str(values[name]) for name in CATEGORICAL_NAMES}


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=1, allow_nan=False).encode()
