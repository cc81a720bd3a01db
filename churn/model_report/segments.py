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


def segments(predictions: Predictions, schema: Schema) -> tuple[list[dict[str, Any]], int]:
    """The levels with at least `MIN_CUSTOMERS` different customers, the largest first; and how many there are.

    At most `MOST_SEGMENTS` have their figures.

    `roc_auc` is None where all rows of a segment churned, or none.
    """
    order = np.argsort(predictions.probability, kind="stable")
    target, probability = predictions.target[order], predictions.probability[order]
    losses = log_losses(target, probability)
    found = _large_levels(predictions, schema)
    shown = []
    for rows, feature, code in sorted(found, key=lambda segment: -segment[0])[:MOST_SEGMENTS]:
        codes, levels = level_codes(predictions.frame[feature.name], feature)
        at = codes[order] == code
        figures = _figures(target[at], probability[at], losses[at])
        shown.append({"feature": feature.name, "level": levels[code], "rows": rows, **figures})
    return shown, len(found)


def _large_levels(predictions: Predictions, schema: Schema) -> list[tuple[int, Feature, int]]:
    """(Rows, feature, code) of each level of enough customers: the codes of all rows are of one feature at a time."""
    first = _first_rows(predictions.customer, len(predictions.target))
    found = []
    for feature in schema.feature:
        if feature.kind in ("category", "boolean"):
            codes, levels = level_codes(predictions.frame[feature.name], feature)
            rows, customers = (np.bincount(part, minlength=len(levels)) for part in (codes, codes[first]))
            enough = np.flatnonzero(customers >= MIN_CUSTOMERS)
            found += [(int(rows[code]), feature, int(code)) for code in enough]
    return found


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
