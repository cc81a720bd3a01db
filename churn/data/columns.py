"""Columns of a training file, and the rules for a field of each."""

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic_core import PydanticCustomError, PydanticKnownError

from churn.schema.old_record import (
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


@lru_cache(maxsize=65_536)
def field_problem(column: str, text: str) -> str | None:
    """What is wrong with a field that is not empty, and what is allowed; None when it can be used."""
    if column in _CATEGORICAL:
        return _text_problem(column, text)
    allowed = "0 or 1" if column == TARGET else _describe_range(_NUMERIC[column])
    if not _NUMBER.fullmatch(text):  # Python would take `nan`, `inf` and `1_000` too
        return f"is not a number; allowed: {allowed}"
    number = float(text)
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


def is_valid(frame: pd.DataFrame) -> bool:
    """Whether whole columns keep to the rules above: features as `Dataset.frame` holds them, the target as a number."""
    target = frame[TARGET]
    return (
        bool(target.min() == 0 and target.max() == 1 and ((target == 0) | (target == 1)).all())
        and all(_valid_numbers(feature, frame[feature.name].to_numpy()) for feature in NUMERIC_FEATURES)
        and all(_valid_texts(frame[feature.name]) for feature in CATEGORICAL_FEATURES)
    )


def _valid_numbers(feature: NumericFeature, values: npt.NDArray[np.float64]) -> bool:
    known = values[~np.isnan(values)]
    allowed = (feature.minimum <= known) & (known <= feature.maximum)
    if feature.integer:
        allowed &= known == np.floor(known)
    return bool(allowed.all()) and len(values) - len(known) <= MAX_MISSING * len(values)


def _valid_texts(values: "pd.Series[str]") -> bool:
    # Few distinct texts stand for many rows, so only those are checked.
    texts = (text for text in values.cat.categories if text != MISSING_CATEGORY)
    complete = bool((values == MISSING_CATEGORY).mean() <= MAX_MISSING)
    return complete and all(field_problem(str(values.name), text) is None for text in texts)
