"""Drift reference of a model: summaries of its training data, stored with it as `reference.json`.

Format 1 of `reference.json`:

    format_version   1
    rows             training rows
    features         name -> summary, in the order of the schema
    prediction       summary of the probabilities that the model gave to rows it had not seen

A summary of numbers has `kind` "number", `rows`, `missing`, `mean`, `std`, `minimum`, `maximum`, `values`
(ascending), `counts` (how many rows are at that value, or above the value before it and up to it) and
`exact` (false where several values share a count). A summary of categories has `kind` "category", `rows`,
`missing`, `counts` (category -> rows, most frequent first) and `others` (rows of categories beyond the first
1,000). To change the format: raise `FORMAT_VERSION`, keep reading the old one, retrain.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from churn.drift.distribution import Categories, Numbers, Summary
from churn.errors import DriftError
from churn.schema.definition import Schema
from churn.schema.record import MISSING_CATEGORY

if TYPE_CHECKING:  # importing pandas takes longer than reading a window
    import pandas as pd

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Reference:
    """A model's training distribution: `features` in order, and its own out-of-fold probabilities."""

    rows: int
    features: dict[str, Summary]
    prediction: Numbers


def build_reference(frame: "pd.DataFrame", probability: npt.ArrayLike) -> dict[str, Any]:
    """Content of `reference.json`.

    Args:
        frame: the training rows, as `Dataset.frame` holds them; NaN or `MISSING_CATEGORY` is missing.
        probability: the model's probabilities, in [0, 1], for rows it had not seen; any number of them.

    """
    return {
        "format_version": FORMAT_VERSION,
        "rows": len(frame),
        "features": {name: _summary(column).as_json() for name, column in frame.items()},
        "prediction": Numbers.of(probability).as_json(),
    }


def train_stats(frame: "pd.DataFrame") -> dict[str, dict[str, float]]:
    """Mean and standard deviation (n - 1) of each numeric feature; of no values 0, and of one no deviation."""
    known = {str(name): column.dropna() for name, column in frame.select_dtypes("number").items()}
    return {
        name: {
            "mean": float(column.mean()) if len(column) else 0.0,
            "std": float(column.std(ddof=1)) if len(column) > 1 else 0.0,
        }
        for name, column in known.items()
    }


def read_reference(path: Path, schema: Schema) -> Reference:
    """Read the reference of a model with this schema.

    Raises:
        DriftError: there is none, it is damaged, its format is newer than this program, or it has other features.
    """
    try:
        document = json.loads(path.read_bytes())
        version = document["format_version"]
    except OSError as error:
        raise DriftError(f"{path} cannot be read ({error.strerror}); train the model anew") from None
    except (ValueError, KeyError, TypeError):
        raise DriftError(f"{path} is not a drift reference; restore the model's archive or train anew") from None
    if version != FORMAT_VERSION:
        raise DriftError(
            f"{path} has format {version}, this program reads format {FORMAT_VERSION}; "
            "run `churn drift` of the release that trained the model, or train anew with this one"
        )
    try:
        reference = _parse(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DriftError(f"{path} is damaged ({error!r}); restore the model's archive or train anew") from None
    stored = {name: isinstance(summary, Categories) for name, summary in reference.features.items()}
    expected = {feature.name: feature.is_category for feature in schema.feature}
    if differ := [name for name in {**stored, **expected} if stored.get(name) != expected.get(name)]:
        raise DriftError(
            f"{path} and the schema beside it differ in {', '.join(differ)}; restore the model's archive or train anew"
        )
    return reference


def _parse(document: dict[str, Any]) -> Reference:
    features: dict[str, Summary] = {
        name: Numbers.from_json(summary) if summary["kind"] == "number" else Categories.from_json(summary)
        for name, summary in document["features"].items()
    }
    return Reference(int(document["rows"]), features, Numbers.from_json(document["prediction"]))


def _summary(column: "pd.Series[Any]") -> Summary:
    return Numbers.of(column) if column.dtype.kind == "f" else Categories.of(_count(column))


def _count(column: "pd.Series[Any]") -> dict[str, int]:
    counts = {str(name): int(rows) for name, rows in column.value_counts().items()}
    absent = len(column) - sum(counts.values())
    return counts | {MISSING_CATEGORY: counts.get(MISSING_CATEGORY, 0) + absent}
