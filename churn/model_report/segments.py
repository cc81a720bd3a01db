"""Segments of the evaluated rows: how good the probabilities are for each level of categories and booleans."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from churn.evaluation import Customers, Predictions
from churn.metrics import Floats, log_losses, roc_auc
from churn.schema.definition import Schema
from churn.schema.feature import Feature
from churn.schema.record import MISSING_CATEGORY

if TYPE_CHECKING:
    import pandas as pd

MIN_CUSTOMERS = 100
MOST_SEGMENTS = 60
MISSING = "missing"
"""How a missing value is shown."""

type Codes = npt.NDArray[np.intp]


def segments(predictions: Predictions, schema: Schema) -> list[dict[str, Any]]:
    """The levels with at least `MIN_CUSTOMERS` different customers, the largest first, at most `MOST_SEGMENTS`.

    `roc_auc` is None where all rows of a segment churned, or none.
    """
    order = np.argsort(predictions.probability, kind="stable")
    target, probability = predictions.target[order], predictions.probability[order]
    first = _first_rows(predictions.customer, len(order))
    losses = log_losses(target, probability)
    found = []
    for feature in schema.feature:
        if feature.kind in ("category", "boolean"):
            codes, levels = level_codes(predictions.frame[feature.name], feature)
            rows, customers = (np.bincount(part, minlength=len(levels)) for part in (codes, codes[first]))
            enough = np.flatnonzero(customers >= MIN_CUSTOMERS)
            found += [(int(rows[code]), feature.name, levels[code], codes[order], code) for code in enough]
    largest = sorted(found, key=lambda segment: -segment[0])[:MOST_SEGMENTS]
    return [
        {"feature": feature, "level": level, "rows": rows, **_figures(target[at], probability[at], losses[at])}
        for rows, feature, level, codes, code in largest
        for at in [codes == code]
    ]


def level_codes(column: "pd.Series[Any]", feature: Feature) -> tuple[Codes, list[str]]:
    """([n] numbers of levels, the levels as they are shown) of a category or a boolean."""
    if feature.is_category:
        levels = [MISSING if level == MISSING_CATEGORY else str(level) for level in column.cat.categories]
        return column.cat.codes.to_numpy(np.intp), levels
    return np.nan_to_num(column.to_numpy(np.float64), nan=2).astype(np.intp), ["false", "true", MISSING]


def _first_rows(customer: Customers | None, rows: int) -> Codes:
    return np.arange(rows) if customer is None else np.unique(customer, return_index=True)[1]


def _figures(target: npt.NDArray[np.int8], probability: Floats, losses: Floats) -> dict[str, float | None]:
    """Of rows in order of probability."""
    churned = (target == 1).astype(np.float64)[None, :]
    starts = np.flatnonzero(np.diff(probability, prepend=-1.0))
    both = 0 < churned.sum() < churned.size
    return {
        "churn_rate": float(churned.mean()),
        "mean_probability": float(probability.mean()),
        "log_loss": float(losses.mean()),
        "roc_auc": float(roc_auc(churned, 1 - churned, starts)[0]) if both else None,
    }
