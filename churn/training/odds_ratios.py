"""Odds ratios of a logistic regression, with intervals that hold for copies of customers and for wrong models.

The estimate is a penalised maximum-likelihood one: its intervals say how much it varies from sample to sample, not how
far the penalty has shrunk it towards 1.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from churn.model_report.calibration import Z_95
from churn.model_report.segments import MISSING
from churn.schema.feature import Feature
from churn.schema.record import MISSING_CATEGORY
from churn.training.encoded_columns import EncodedColumns
from churn.training.encoding import Inputs
from churn.training.estimators import Floats
from churn.training.sample import Rows, Sample

MOST_ROWS = 50_000
"""Standard errors need no more rows than this."""
MOST_COLUMNS = 1_000
"""Of more inputs nobody would read the table, and the Hessian would take minutes."""
_MOST_PRODUCTS = 2e10
"""Rows times the square of the columns: about a second."""
_BLOCK = 5_000
"""Rows that are in memory several times over at once."""
_FURTHEST = 700.0
"""The logarithms of ratios go from -700 to 700, so that 64 bits hold the ratios."""


class _Contrast(NamedTuple):
    """The effect of a feature as a difference of two customers' inputs: column -> difference."""

    feature: str
    level: str | None
    against: str
    inputs: Mapping[int, float]


def odds_ratios(
    pipeline: Pipeline, inputs: Inputs, sample: Sample, penalty: float, seed: int
) -> list[dict[str, Any]] | None:
    """How many times as large the odds of churn are, all else equal, with 95 % intervals; None of too many inputs.

    Numbers: of one training standard deviation more. Booleans: of true against false. Categories: of each level
    against the most frequent one. Numbers that are sometimes missing: of missing against present, at the median.

    Args:
        pipeline: a fitted `encoder` and logistic-regression `classifier`.
        inputs: the encoder's.
        sample: the training rows.
        penalty: on half the squared norm of the coefficients, beside the sum of log losses: 1 / C.
        seed: of the choice among very many rows.

    """
    columns = EncodedColumns.of(inputs, scaled=True)
    if columns.count > MOST_COLUMNS:
        return None
    encoder, classifier = pipeline["encoder"], pipeline["classifier"]
    part = sample.part(min(MOST_ROWS, int(_MOST_PRODUCTS / columns.count**2)), seed)
    encoded = encoder.transform(part.frame)
    probability = classifier.predict_proba(encoded)[:, 1]
    covariance = sandwich_covariance(encoded, probability, part, penalty, len(sample.target) / len(part.target))
    contrasts = _contrasts(encoder, inputs, columns, sample.frame)
    return [_odds_ratio(contrast, classifier.coef_[0], covariance) for contrast in contrasts]


def sandwich_covariance(encoded: Floats, probability: Floats, sample: Sample, penalty: float, scale: float) -> Floats:
    """[k + 1, k + 1] covariance of the coefficients of a penalised logistic regression, the intercept's last.

    H^-1 M H^-1 with the Hessian H = X'WX + penalty (none on the intercept), W = p (1 - p), and M the sum over customers
    of s s', s being the sum over the rows of a customer of (p - y) x: right whether or not the model is (Huber 1967;
    White 1980), and where customers have several rows (Liang and Zeger 1986).

    Args:
        encoded: [n, k] inputs.
        probability: [n] the model's.
        sample: the n rows, with target and customer.
        penalty: 1 / C.
        scale: how many times as many rows the model was fitted to.

    """
    inputs = encoded.shape[1]
    hessian, scatter = np.zeros((2, inputs + 1, inputs + 1))
    for rows, starts in _blocks(sample):
        design = np.column_stack([encoded[rows], np.ones(len(rows))])
        share = probability[rows][:, None]
        hessian += scale * (design * (share * (1 - share))).T @ design
        scores = np.add.reduceat(design * (share - sample.target[rows][:, None]), starts, axis=0)
        scatter += scale * scores.T @ scores
    hessian[np.diag_indices(inputs)] += penalty
    half = np.linalg.solve(hessian, scatter)
    covariance: Floats = np.linalg.solve(hessian, half.T)
    return covariance


def _blocks(sample: Sample) -> Iterator[tuple[Rows, Rows]]:
    """Rows in blocks of about `_BLOCK`, a customer's together, and where in its block each customer starts."""
    order = np.argsort(sample.customer, kind="stable")
    starts = np.flatnonzero(np.diff(sample.customer[order], prepend=-1))
    firsts = np.unique(starts // _BLOCK, return_index=True)[1]
    for own in np.split(starts, firsts[1:]):
        end = starts[starts > own[-1]][:1]
        yield order[own[0] : end[0] if len(end) else len(order)], own - own[0]


def _contrasts(
    encoder: ColumnTransformer, inputs: Inputs, columns: EncodedColumns, frame: pd.DataFrame
) -> Iterator[_Contrast]:
    """In the order of the schema; a number of which training has seen one value has none."""
    unit = _units(encoder)
    for feature in inputs.schema.feature:
        name = feature.name
        if feature.is_category:
            yield from _levels(name, columns.levels[name], unit, frame)
        elif frame[name].min() < frame[name].max():
            yield _number(feature, columns.number[name], unit)
        if name in columns.present:
            yield _Contrast(name, MISSING, "present", {columns.present[name]: -unit[columns.present[name]]})


def _units(encoder: ColumnTransformer) -> Floats:
    """[k] by how much an input grows with a number that grows by 1, or with a level that is there."""
    parts = encoder.named_transformers_
    units = [1 / parts["numbers"]["scale"].scale_] if "numbers" in parts else []
    units += [parts[name]["weigh"].scale_ for name in ("present", "categories") if name in parts]
    return np.concatenate(units)


def _number(feature: Feature, column: int, unit: Floats) -> _Contrast:
    if feature.kind == "boolean":
        return _Contrast(feature.name, "true", "false", {column: unit[column]})
    return _Contrast(feature.name, None, f"1 sd = {_amount(1 / unit[column])} more", {column: 1.0})


def _levels(name: str, levels: Mapping[str, int], unit: Floats, frame: pd.DataFrame) -> Iterator[_Contrast]:
    counts = frame[name].value_counts()
    usual, *others = sorted(levels, key=lambda level: (-counts.get(level, 0), level))
    against = levels[usual]
    for level in others:
        inputs = {levels[level]: unit[levels[level]], against: -unit[against]}
        yield _Contrast(name, _shown(level), _shown(usual), inputs)


def _odds_ratio(contrast: _Contrast, coefficients: Floats, covariance: Floats) -> dict[str, Any]:
    columns, inputs = list(contrast.inputs), np.array(list(contrast.inputs.values()))
    effect = float(inputs @ coefficients[columns])
    error = float(np.sqrt(max(inputs @ covariance[np.ix_(columns, columns)] @ inputs, 0.0)))
    logarithms = effect, effect - Z_95 * error, effect + Z_95 * error
    ratio, low, high = np.exp(np.clip(logarithms, -_FURTHEST, _FURTHEST)).tolist()
    return {
        "feature": contrast.feature,
        "level": contrast.level,
        "against": contrast.against,
        "ratio": ratio,
        "low": low,
        "high": high,
    }


def _shown(level: str) -> str:
    return MISSING if level == MISSING_CATEGORY else level


def _amount(number: float) -> str:
    """Three digits at least, and all before the point."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
