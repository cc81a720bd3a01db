"""Columns of a table's files, and the rules for a field of each."""

import difflib
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

from pydantic_core import PydanticCustomError, PydanticKnownError

from churn.schema.definition import Schema
from churn.schema.feature import Feature
from churn.schema.record import MISSING_CATEGORY

MAX_MISSING = 0.05
"""Share of a feature's values that may be missing where the schema does not make it optional."""
_UNNAMED = re.compile(r"|Unnamed: \d+(\.\d+)*|__index_level_\d+__")
"""What programs call the columns of their row numbers, and nothing where each line ends in a delimiter."""

_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_THOUSANDS = re.compile(r"\s*[+-]?\d{1,3}([,.'\s\xa0\u202f]\d{3})+([.,]\d+)?\s*")
_TRUTHS = dict.fromkeys(("1", "true", "t", "yes", "y"), 1.0) | dict.fromkeys(("0", "false", "f", "no", "n"), 0.0)
_OTHER_MARK = re.compile(r"\s*[+-]?\d*,\d+\s*", re.ASCII)
_UNKNOWN = ("", "na", "n/a", "#n/a", "nan", "null", "none", "-", "?")
"""What programs and people write for a number that is not known, in lower case; each may be a category."""
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

    @property
    def numeric_missing(self) -> bool:
        """Whether a number, such as -1, is among the fields that mean that nothing is known."""
        return any(map(_NUMBER.fullmatch, self.missing))

    def header_problems(self, header: Sequence[str]) -> list[str]:
        """What is wrong with a file's column names; their order is free."""
        missing = [name for name in self.needed if name not in header]
        counts = Counter(name for name in header if name in self.needed or not _UNNAMED.fullmatch(name))
        twice = ((name, count) for name, count in counts.items() if count > 1)
        problems = [f"column {shorten(name)} is there {count} times" for name, count in twice]
        problems += [f"column {name!r} is missing" for name in missing]
        for name, meant in self._extra(header).items():
            hint = f"; did you mean {meant!r}?" if meant else ""
            problems.append(f"column {shorten(name)} is not expected{hint}")
        return problems

    def header_cure(self, header: Sequence[str]) -> list[str]:
        """The line of the schema by which the columns that are not expected would be left out."""
        extra = [name for name, meant in self._extra(header).items() if not meant]
        line = _toml_list([*self.schema.file.ignore, *extra])
        return [f"to leave out the unexpected, write into the schema, under [file]: ignore = {line}"] if extra else []

    def _extra(self, header: Sequence[str]) -> dict[str, str | None]:
        """The columns that are not expected, each with the missing one that may be meant."""
        lower = {name.lower(): name for name in self.needed if name not in header}
        expected = {*self.needed, *self.ignored(header)}
        extra: dict[str, str | None] = {}
        for name in header:
            if name not in expected:
                close = difflib.get_close_matches(name.strip().lower(), lower, n=1)
                extra[name] = lower[close[0]] if close else None
        return extra

    def ignored(self, header: Sequence[str]) -> list[str]:
        """The columns of a file that are not used, and may be there."""
        return [name for name in header if name in self._unused] + self.unnamed(header)

    def unnamed(self, header: Sequence[str]) -> list[str]:
        """Those that have no name, and that the schema does not name."""
        known = {*self.needed, *self._unused}
        return [name for name in header if name not in known and _UNNAMED.fullmatch(name)]

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
            problem = _text_problem(feature, text)
        elif feature.kind == "boolean":
            problem = _NO_TRUTH if math.isinf(self.boolean(text)) else None
        else:
            problem = _number_problem(feature, text)
        if problem is None or text.strip().lower() not in (_UNKNOWN[:1] if feature.is_category else _UNKNOWN):
            return problem
        line = _toml_list([*self.schema.file.missing, text])
        return f"{problem}; if it means a missing one, write into the schema, under [file]: missing = {line}"


def known_form(columns: Columns, feature: Feature, text: str) -> str:
    """The form in which models know a text; `MISSING_CATEGORY` for a missing one, itself where it cannot be used."""
    if text in columns.missing:
        return MISSING_CATEGORY
    try:
        return feature.category.uniform(text)
    except (PydanticKnownError, PydanticCustomError):
        return text


def _number_problem(feature: Feature, text: str) -> str | None:
    allowed = _describe_range(feature)
    if not _NUMBER.fullmatch(text):  # Python would take `nan`, `inf` and `1_000` too
        if _THOUSANDS.fullmatch(text):
            return f"has a separator of thousands: write it without; allowed: {allowed}"
        mark = "; the decimal mark of this file is another" if _OTHER_MARK.fullmatch(text) else ""
        return f"is not a number; allowed: {allowed}{mark}"
    number = float(text)
    if not feature.low <= number <= feature.high:
        return f"is out of range; allowed: {allowed}"
    if feature.kind == "integer" and not number.is_integer():
        return f"is not a whole number; allowed: {allowed}"
    return None


def _describe_range(feature: Feature) -> str:
    kind = "whole numbers" if feature.kind == "integer" else "numbers"
    return f"{kind} from {feature.low:.15g} to {feature.high:.15g}"


def _toml_list(texts: Sequence[str]) -> str:
    return json.dumps(texts, ensure_ascii=False)


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
