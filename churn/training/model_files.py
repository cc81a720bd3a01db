"""Files of a stored model (`ModelFile` says what each holds), made from a trained model and its training data.

The pipeline takes raw frames, categories written as in card.json, and loads without this project. It is no pickle:
whoever loads it names what it may hold (`PIPELINE_TYPES`).
"""

import importlib.metadata
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import skops.io

from churn.data.dataset import Dataset
from churn.drift.reference import build_reference, train_stats
from churn.model.scorer import Scorer
from churn.schema.definition import Schema
from churn.schema.feature import Feature
from churn.schema.json_text import Json
from churn.schema.record import MISSING_CATEGORY, RECORD_VERSION
from churn.stored_files import ModelFile
from churn.training.leakage import TrainingRows
from churn.training.pipeline import TrainedModel
from churn.training.reasons import reasons_document

GOLDEN_RECORDS = 8
PIPELINE_TYPES = (
    "builtins.object",
    "numpy.asarray",
    "numpy.dtype",
    "pandas._libs.missing.NAType",
    "pandas.core.frame.DataFrame",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
)
"""What a stored pipeline may hold beside what skops trusts: `skops.io.load("model.skops", trusted=PIPELINE_TYPES)`."""
_LIBRARIES = ("scikit-learn", "pandas", "numpy", "skops", "onnxruntime", "skl2onnx", "bentoml")


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
    schema = model.inputs.schema
    card = {
        "schema_version": RECORD_VERSION,
        **facts,
        "estimator": model.estimator,
        "parameters": model.parameters,
        "threshold": model.threshold,
        "categories": model.inputs.categories,
        "rare_categories": {name: levels for name, levels in model.inputs.rare.items() if levels},
        "features": [_describe(feature, model, dataset.frame) for feature in schema.feature],
        "train_stats": train_stats(dataset.frame),
    }
    reference = build_reference(dataset.frame, model.predictions.probability)
    golden = _golden(Scorer("candidate", onnx, card, schema), dataset.frame, int(facts["seed"]))
    return {
        ModelFile.ONNX.path: onnx,
        ModelFile.PIPELINE.path: skops.io.dumps(model.pipeline, compression=zipfile.ZIP_DEFLATED, compresslevel=6),
        ModelFile.REFERENCE.path: _json(reference),
        ModelFile.GOLDEN.path: _json(golden),
        ModelFile.CARD.path: _json(card),
        ModelFile.SCHEMA.path: schema.source,
        ModelFile.REASONS.path: _json(reasons_document(model, dataset.frame)),
        ModelFile.TRAINING_ROWS.path: TrainingRows.of(dataset.frame).to_bytes(),
    }


def _describe(feature: Feature, model: TrainedModel, frame: pd.DataFrame) -> dict[str, Any]:
    described: dict[str, Any] = {"name": feature.name, "kind": feature.kind}
    if feature.is_category:
        return described | {"categories": model.inputs.categories[feature.name]}
    return described | {
        "minimum": feature.low,
        "maximum": feature.high,
        "training_minimum": float(frame[feature.name].min()),
        "training_maximum": float(frame[feature.name].max()),
    }


def _golden(scorer: Scorer, frame: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Some training rows that a request could send, and the last one again with categories that no training has seen.

    Where there are optional features, all of them are missing in one more.
    """
    schema = scorer.schema
    complete = np.ones(len(frame), dtype=bool)
    for feature in schema.feature:
        if not feature.optional:
            values = frame[feature.name]
            complete &= (values.notna() & (values != MISSING_CATEGORY)).to_numpy()
    candidates: npt.NDArray[np.intp] = np.flatnonzero(complete)
    count = min(GOLDEN_RECORDS - 1, len(candidates))
    rows = np.random.default_rng(seed).choice(candidates, count, replace=False)
    records = [_record(frame, int(row), schema) for row in sorted(rows)]
    unseen = {feature.name: "golden unseen"[: feature.max_length] for feature in schema.categories}
    records.append(records[-1] | unseen)
    if optional := [feature.name for feature in schema.feature if feature.optional]:
        records.append(records[0] | dict.fromkeys(optional))
    customers = scorer.validator.validate(records)
    return {
        "records": [
            {"customer": customer.features, "probability": probability}
            for customer, probability in zip(customers, scorer.score(customers), strict=True)
        ]
    }


def _record(frame: pd.DataFrame, row: int, schema: Schema) -> dict[str, Any]:
    return {feature.name: _value(feature, frame[feature.name].iloc[row]) for feature in schema.feature}


def _value(feature: Feature, value: str | float) -> Json:
    """A value of the frame as a request has it."""
    if isinstance(value, str):
        return None if value == MISSING_CATEGORY else value
    if np.isnan(value):
        return None
    return {"integer": int, "number": float, "boolean": bool}[feature.kind](value)


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=1, allow_nan=False).encode()
