"""Columns of the training data: what is missing, the range of numbers, the most frequent levels of categories."""

from typing import TYPE_CHECKING, Any

from churn.schema.definition import Schema
from churn.schema.record import MISSING_CATEGORY

if TYPE_CHECKING:
    import pandas as pd

MOST_LEVELS = 5


def describe_columns(frame: "pd.DataFrame", schema: Schema) -> list[dict[str, Any]]:
    """Each feature of the training rows, as `Dataset.frame` holds them; `missing` counts rows."""
    return [
        {
            "feature": feature.name,
            "kind": feature.kind,
            **(_category if feature.is_category else _number)(frame[feature.name]),
        }
        for feature in schema.feature
    ]


def _number(column: "pd.Series[Any]") -> dict[str, Any]:
    """Minimum, maximum and mean are None where all values are missing."""
    known = column.dropna()
    figures = [float(found) for found in (known.min(), known.max(), known.mean())] if len(known) else [None] * 3
    return {
        "missing": len(column) - len(known),
        **dict(zip(("minimum", "maximum", "mean"), figures, strict=True)),
    }


def _category(column: "pd.Series[Any]") -> dict[str, Any]:
    """`top` has the most frequent levels, each with its share of all rows, ties in alphabetical order."""
    counts = {str(level): int(rows) for level, rows in column.value_counts().items() if rows}
    known = sorted(
        ((level, rows) for level, rows in counts.items() if level != MISSING_CATEGORY),
        key=lambda pair: (-pair[1], pair[0]),
    )
    return {
        "missing": len(column) - sum(rows for _, rows in known),
        "levels": len(known),
        "top": [[level, rows / len(column)] for level, rows in known[:MOST_LEVELS]],
    }
