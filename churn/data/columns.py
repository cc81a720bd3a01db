"""Columns of a table's files, and the rules for a field of each."""

import difflib
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

from pydantic_core import PydanticCustomError, PydanticKnownError

from churn.schema.definition import Feature, Schema
from churn.schema.record import MISSING_CATEGORY

MAX_MISSING = 0.05
"""Share of a feature's values that may be missing where the schema does not make it optional."""
UNNAMED = ("", "Unnamed: 0")
"""What pandas calls the column of its row numbers; ignored where it is the first."""

_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_THOUSANDS = re.compile(r"\s*[+-]?\d{1,3}([,.'\s\xa0\u202f]\d{3})+([.,]\d+)?\s*")
_TRUTHS = dict.fromkeys(("1", "true", "t", "yes", "y"), 1.0) | dict.fromkeys(("0", "false", "f", "no", "n"), 0.0)
_NO_TRUTH = "is neither true nor false; allowed: true or false, yes or no, 1 or 0"


class Columns:
    """The columns of a schema's files.

    Attributes:
        schema: of the table.
        features: feature by its column in files.
        target: the column of the target.
        needed: the columns that a file must have: the features', then the target.
        missing: fields that mean that nothing is known, the empty one among them.
        field_problem: what is wrong with a field of a column that is not missing, and what is allowed; None when it can
            be used. Numbers have a decimal point.

    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.features = {feature.in_files: feature for feature in schema.feature}
        self.target = schema.target.column
        self.needed = (*self.features, self.target)
        self.missing = frozenset({"", *schema.file.missing})
        identifier = (schema.identifier.column,) if schema.identifier else ()
        self._unused = frozenset((*identifier, *schema.file.ignore))
        # Of a file's texts few are distinct.
        self.field_problem: Callable[[str, str], str | None] = lru_cache(65_536)(self._field_problem)

    def header_problems(self, header: Sequence[str]) -> list[str]:
        """What is wrong with a file's column names; their order is free."""
        missing = [name for name in self.needed if name not in header]
        ignored = self.ignored(header)
        extra = [name for name in dict.fromkeys(header) if name not in self.needed and name not in ignored]
        twice = ((name, count) for name, count in Counter(header).items() if count > 1)
        problems = [f"column {shorten(name)} is there {count} times" for name, count in twice]
        problems += [f"column {name!r} is missing" for name in missing]
        for name in extra:
            lower = {text.lower(): text for text in missing}
            close = difflib.get_close_matches(name.strip().lower(), lower, n=1)
            cure = f'to leave it out, add to the schema, under [file]: ignore = ["{name}"]'
            if close:
                cure = f"did you mean {lower[close[0]]!r}?"
            problems.append(f"column {shorten(name)} is not expected; {cure}")
        return problems

    def ignored(self, header: Sequence[str]) -> list[str]:
        """The columns of a file that are not used, and may be there."""
        unnamed = [name for name in header[:1] if name in UNNAMED and name not in self.needed]
        return [*unnamed, *(name for name in header if name in self._unused)]

    def label(self, text: str) -> float:
        """1 or 0 for a target's field; NaN where it is neither."""
        label = self.schema.target.label(text)
        return math.nan if label is None else float(label)

    def boolean(self, text: str) -> float:
        """1 or 0 for a boolean's field, NaN where it is missing, and infinity where it is none."""
        if text in self.missing:
            return math.nan
        truth = _TRUTHS.get(text.strip().lower().removesuffix(".0"))
        return math.inf if truth is None else truth

    def _field_problem(self, column: str, text: str) -> str | None:
        if column == self.target:
            return f"is not a target; allowed: {self.schema.target.allowed}" if math.isnan(self.label(text)) else None
        feature = self.features[column]
        if feature.is_category:
            return _text_problem(feature, text)
        if feature.kind == "boolean":
            return _NO_TRUTH if math.isinf(self.boolean(text)) else None
        return _number_problem(feature, text)


def known_form(columns: Columns, feature: Feature, text: str) -> str:
    """The form in which models know a text; `MISSING_CATEGORY` for a missing one, itself where it cannot be used."""
    if text in columns.missing:
        return MISSING_CATEGORY
    return text if columns.field_problem(feature.in_files, text) else feature.category.uniform(text)


def _number_problem(feature: Feature, text: str) -> str | None:
    allowed = _describe_range(feature)
    if not _NUMBER.fullmatch(text):  # Python would take `nan`, `inf` and `1_000` too
        if _THOUSANDS.fullmatch(text):
            return f"has a separator of thousands: write it without; allowed: {allowed}"
        if not text.strip():
            return (
                f'is not a number; where it means a missing one, add to the schema, under [file]: missing = ["{text}"]'
            )
        return f"is not a number; allowed: {allowed}"
    number = float(text)
    if not feature.low <= number <= feature.high:
        return f"is out of range; allowed: {allowed}"
    if feature.kind == "integer" and not number.is_integer():
        return f"is not a whole number; allowed: {allowed}"
    return None


def _describe_range(feature: Feature) -> str:
    kind = "whole numbers" if feature.kind == "integer" else "numbers"
    return f"{kind} from {feature.low:g} to {feature.high:g}"


def _text_problem(feature: Feature, text: str) -> str | None:
    try:
        feature.category.uniform(text)
    except (PydanticKnownError, PydanticCustomError) as error:
        length = (error.context or {}).get("length")
        grown = "" if length == len(text.strip()) else f" in {feature.category.counted_in}"
        what = {
            "string_too_short": "is nothing but spaces",
            "string_too_long": f"is too long ({length} characters{grown})",
            "string_pattern_mismatch": "holds a control character",
        }
        return f"{what[error.type]}; allowed: 1 to {feature.max_length} printable characters"
    return None


def shorten(text: str, limit: int = 40) -> str:
    """A value as a message shows it: quoted, control characters escaped, cut to `limit` characters."""
    return repr(text if len(text) <= limit else text[: limit - 3] + "...")
