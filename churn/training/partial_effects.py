"""Partial effects of features: the mean probability where a feature takes one value and the others stay as they are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from churn.model_report.segments import MISSING
from churn.schema.definition import Schema
from churn.schema.feature import Feature
from churn.schema.record import MISSING_CATEGORY
from churn.training.encoded_columns import EncodedColumns
from churn.training.estimators import Classifier, Floats

MOST_VALUES, MOST_LEVELS = 11, 12
FEWEST_ROWS, MOST_ROWS = 50, 500
_MOST_PREDICTIONS = 200_000
_MOST_POINTS = 1_000

type Grid = Sequence[str] | Sequence[float]


def partial_effects(
    pipeline: Pipeline, columns: EncodedColumns, frame: pd.DataFrame, schema: Schema, seed: int
) -> list[dict[str, Any]]:
    """Partial dependence of the probability on each feature (Friedman 2001), over a sample of rows.

    Args:
        pipeline: a fitted `encoder` and `classifier`.
        columns: of what the encoder makes.
        frame: training rows, as `Dataset.frame` holds them.
        schema: of the rows.
        seed: of the choice among the rows.

    """
    grids = {feature.name: _grid(frame[feature.name], feature) for feature in schema.feature}
    points = sum(map(len, grids.values()))
    most = min(max(_MOST_PREDICTIONS // max(points, 1), FEWEST_ROWS), MOST_ROWS, len(frame))
    rows = np.random.default_rng(seed).choice(len(frame), most, replace=False)
    encoded = pipeline["encoder"].transform(frame.iloc[rows])
    effects = []
    for part in _batches(grids):
        values, start = pipeline["encoder"].transform(_stacked(part, frame.iloc[:1])), 0
        for name, grid in part.items():
            own = columns.of_feature(name)
            effects.append(_means(pipeline["classifier"], encoded, own, values[start : start + len(grid), own]))
            start += len(grid)
    return [
        {
            "feature": feature.name,
            "kind": feature.kind,
            "values": [_shown(value, feature) for value in grids[feature.name]],
            "probability": effect,
        }
        for feature, effect in zip(schema.feature, effects, strict=True)
    ]


def _batches(grids: Mapping[str, Grid]) -> Iterator[dict[str, Grid]]:
    """Features in their order, together while they have few points: each point becomes a whole row."""
    part: dict[str, Grid] = {}
    for name, grid in grids.items():
        if part and sum(map(len, part.values())) + len(grid) > _MOST_POINTS:
            yield part
            part = {}
        part[name] = grid
    yield part


def _grid(column: "pd.Series[Any]", feature: Feature) -> Grid:
    """The most frequent levels; all values of a number where they are few, or else quantiles from 1 % to 99 %."""
    if feature.is_category:
        counts = {str(level): int(rows) for level, rows in column.value_counts().items() if rows}
        return sorted(counts, key=lambda level: (-counts[level], level))[:MOST_LEVELS]
    known = column.dropna().to_numpy(np.float64)
    distinct = np.unique(known)
    if len(distinct) > MOST_VALUES:
        distinct = np.unique(np.quantile(known, np.linspace(0.01, 0.99, MOST_VALUES), method="inverted_cdf"))
    return [float(value) for value in distinct]


def _stacked(grids: Mapping[str, Grid], customer: pd.DataFrame) -> pd.DataFrame:
    """For each value of each of these grids a row: this customer with that value."""
    points, start = sum(map(len, grids.values())), 0
    columns = {name: np.repeat(customer[name].astype(object).to_numpy(), points) for name in customer}
    for name, grid in grids.items():
        columns[name][start : start + len(grid)] = grid
        start += len(grid)
    return pd.DataFrame(columns)


def _means(classifier: Classifier, encoded: Floats, own: list[int], values: Floats) -> list[float]:
    """The mean probability of the rows with each of these values in a feature's own columns."""
    replaced = np.tile(encoded, (len(values), 1))
    replaced[:, own] = np.repeat(values, len(encoded), axis=0)
    if not len(values):
        return []
    probability = classifier.predict_proba(replaced)[:, 1]
    return [float(part.mean()) for part in probability.reshape(len(values), len(encoded))]


def _shown(value: str | float, feature: Feature) -> str | float:
    if feature.kind == "boolean":
        return "true" if value else "false"
    return MISSING if value == MISSING_CATEGORY else value
