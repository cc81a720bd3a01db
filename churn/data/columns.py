"""The columns of a training file: which there must be, and what a field of each may hold."""

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
import pandera.pandas as pandera
from pydantic_core import PydanticCustomError, PydanticKnownError

from churn.schema.record import (
    CATEGORICAL_FEATURES,
    FEATURE_NAMES,
    MISSING_CATEGORY,
    NUMERIC_FEATURES,
    TARGET,
    CategoricalFeature,
    NumericFeature,
)

COLUMNS = (*FEATURE_NAMES, TARGET)
MAX_MISSING = 0.05
"""Share of a feature's values that may be missing; the pipeline imputes them."""

_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_NUMERIC = {feature.name: feature for feature in NUMERIC_FEATURES}
_CATEGORICAL = {feature.name: feature for feature in CATEGORICAL_FEATURES}


def header_problems(header: Sequence[str]) -> list[str]:
    """What is wrong with a file's column names; their order is free."""
    missing = [name for name in COLUMNS if name not in header]
    extra = [name for name in dict.fromkeys(header) if name not in COLUMNS]
    problems = [f"column {shorten(name)} is there {n} times" for name, n in Counter(header).items() if n > 1]
    problems += [f"column {name!r} is missing" for name in missing]
    for name in extra:
        close = difflib.get_close_matches(name.strip().lower(), missing, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        problems.append(f"column {shorten(name)} is not expected{hint}")
    return problems


def parse_number(text: str) -> float:
    """The number that a field holds, surrounding spaces ignored.

    Raises:
        ValueError: it is not a decimal number; `nan`, `inf`, `0x10` and `1_000` are none.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return float(text)


@lru_cache(maxsize=65_536)
def field_problem(column: str, text: str) -> str | None:
    """What is wrong with a field that is not empty, and what is allowed; None when it can be used."""
    if column in _CATEGORICAL:
        return _text_problem(column, text)
    allowed = "0 or 1" if column == TARGET else _describe_range(_NUMERIC[column])
    try:
        number = parse_number(text)
    except ValueError:
        return f"is not a number; allowed: {allowed}"
    if column == TARGET:
        return None if number in (0, 1) else f"is not a target; allowed: {allowed}"
    feature = _NUMERIC[column]
    if not feature.minimum <= number <= feature.maximum:
        return f"is out of range; allowed: {allowed}"
    if feature.integer and not number.is_integer():
        return f"is not a whole number; allowed: {allowed}"
    return None


def _describe_range(feature: NumericFeature) -> str:
    kind = "whole numbers" if feature.integer else "numbers"
    return f"{kind} from {feature.minimum:g} to {feature.maximum:g}"


def _text_problem(column: str, text: str) -> str | None:
    feature = _CATEGORICAL[column]
    try:
        feature.normalise(text)
    except (PydanticKnownError, PydanticCustomError) as error:
        length = (error.context or {}).get("length")
        grown = "" if length == len(text.strip()) else f" in {feature.case} case and NFC"
        what = {
            "string_too_short": "is nothing but spaces",
            "string_too_long": f"is too long ({length} characters{grown})",
            "string_pattern_mismatch": "holds a control character",
        }
        return f"{what[error.type]}; allowed: 1 to {feature.max_length} printable characters"
    return None


def known_form(feature: CategoricalFeature, text: str) -> str:
    """The form in which models know a text; the text itself where it is missing, or cannot be used at all."""
    usable = text != MISSING_CATEGORY and field_problem(feature.name, text) is None
    return feature.normalise(text) if usable else text


def shorten(text: str, limit: int = 40) -> str:
    """A value as a message shows it: quoted, control characters escaped, cut to `limit` characters."""
    return repr(text if len(text) <= limit else text[: limit - 3] + "...")


def dataset_schema() -> pandera.DataFrameSchema:
    """The rules above for whole columns at once: features as `Dataset.frame` holds them, the target as a number."""
    numbers = {feature.name: _number_column(feature) for feature in NUMERIC_FEATURES}
    texts = {feature.name: _text_column(feature.name) for feature in CATEGORICAL_FEATURES}
    both_classes = pandera.Check(lambda values: values.min() != values.max(), name="both classes")
    binary = pandera.Check(lambda values: (values == 0) | (values == 1), name="0 or 1")
    target = {TARGET: pandera.Column("float64", [binary, both_classes])}
    return pandera.DataFrameSchema(numbers | texts | target, strict=True)


def _number_column(feature: NumericFeature) -> pandera.Column:
    checks = [
        pandera.Check.in_range(feature.minimum, feature.maximum),
        pandera.Check(lambda values: values.isna().mean() <= MAX_MISSING, name="missing", ignore_na=False),
    ]
    if feature.integer:
        checks.append(pandera.Check(lambda values: values == np.floor(values), name="whole"))
    return pandera.Column("float64", checks, nullable=True)


def _text_column(name: str) -> pandera.Column:
    # Few distinct texts stand for many rows, so only those are looked at.
    def valid(values: "pd.Series[str]") -> bool:
        return all(text == MISSING_CATEGORY or field_problem(name, text) is None for text in values.cat.categories)

    def complete(values: "pd.Series[str]") -> bool:
        return bool((values == MISSING_CATEGORY).mean() <= MAX_MISSING)

    return pandera.Column("category", [pandera.Check(valid), pandera.Check(complete)])
