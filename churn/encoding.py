"""From a frame of customers to the numbers that a classifier takes: imputed, scaled, one-hot."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from churn.schema import CATEGORICAL_NAMES, FEATURE_NAMES, MISSING_CATEGORY, NUMERIC_NAMES

type Floats = npt.NDArray[np.float64]
type Categories = Mapping[str, list[str]]

FIT_ROWS = 50_000
"""Medians, means and standard deviations need no more rows than this: their error is then below half a percent of
a standard deviation, far below what would change a prediction."""


CATEGORY_WEIGHT = 0.5
"""A category counts half in the regularisation's scale, so its effect is shrunk four times as much as that of a
standard deviation of a number. With 1,200 rows, ROC AUC and log loss then come within 0.006 of the best reachable
in 95 of 100 samples instead of 89 (benchmarks/gate_power.py)."""


def known_categories(frame: pd.DataFrame) -> dict[str, list[str]]:
    """The categories that each categorical column holds, sorted, without the missing one."""
    return {name: sorted(set(frame[name].unique()) - {MISSING_CATEGORY}) for name in CATEGORICAL_NAMES}


def as_inputs(frame: pd.DataFrame) -> pd.DataFrame:
    """What the pipeline takes: numbers rounded to 32-bit floats, categories as text.

    The serving form computes in 32 bits. Where a tree splits on a number, rounding on one side only would send
    a customer down another branch and move the probability by up to 0.2.
    """
    numbers = {name: frame[name].to_numpy(np.float32).astype(np.float64) for name in NUMERIC_NAMES}
    texts = {name: frame[name].astype(object) for name in CATEGORICAL_NAMES}
    return pd.DataFrame(numbers | texts, index=frame.index)


def fit_encoder(frame: pd.DataFrame, categories: Categories, *, scaled: bool) -> ColumnTransformer:
    """Fit the imputer (median), the scaler and the one-hot encoder to [n] customers.

    A category that is missing or not in `categories` becomes zeros.
    """
    one_hot = OneHotEncoder(
        categories=[categories[name] for name in CATEGORICAL_NAMES], handle_unknown="ignore", sparse_output=False
    )
    numbers, texts = make_pipeline(SimpleImputer(strategy="median")), make_pipeline(one_hot)
    if scaled:
        numbers.steps.append(("scale", StandardScaler()))
        texts.steps.append(("weigh", MinMaxScaler(feature_range=(0.0, CATEGORY_WEIGHT))))
    positions = [FEATURE_NAMES.index(name) for name in NUMERIC_NAMES + CATEGORICAL_NAMES]
    split = len(NUMERIC_NAMES)
    encoder = ColumnTransformer([("numbers", numbers, positions[:split]), ("categories", texts, positions[split:])])
    return encoder.fit(as_inputs(frame))


def encode(encoder: ColumnTransformer, frame: pd.DataFrame, categories: Categories) -> Floats:
    """What `encoder.transform(as_inputs(frame))` gives, [n, k], 20 times faster: categories go by their codes."""
    numbers = frame[list(NUMERIC_NAMES)].to_numpy(np.float32).astype(np.float64)
    columns = [one_hot(frame[name], categories[name]) for name in CATEGORICAL_NAMES]
    # The first step is the one-hot encoder, whose work is done.
    texts = Pipeline([("encoded", "passthrough"), *encoder.named_transformers_["categories"].steps[1:]])
    named = pd.DataFrame(numbers, columns=list(NUMERIC_NAMES))
    return np.hstack([encoder.named_transformers_["numbers"].transform(named), texts.transform(np.hstack(columns))])


def one_hot(column: "pd.Series[str]", known: list[str]) -> Floats:
    """[n, len(known)] of 0 and 1; zeros for what is missing or unknown."""
    codes = pd.Categorical(column, categories=known).codes  # -1, so the last row, for what is not known
    rows_of: Floats = np.vstack([np.eye(len(known)), np.zeros((1, len(known)))])
    encoded: Floats = rows_of[codes]
    return encoded
