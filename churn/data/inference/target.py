"""Target recognition: the column that says who left, and which of its texts say so."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from churn.data.columns import shorten
from churn.data.inference.profile import Level, Profile, trimmed
from churn.data.inference.table import Table
from churn.errors import DataError
from churn.schema.table import Value
from churn.schema.target import plain
from churn.sql import quote_text

MOST_TEXTS = 6
"""A target column has at most so many different texts."""

# The first is taken where several say the same.
NAMES = ("churn", "churned", "churnlabel", "churnflag", "churnstatus", "churnvalue", "exited", "attritionflag")
_LEAVING = re.compile(r"churn|attrit|exited|cancel|\bleft\b|\bleave\b|\bleaver\b|\blost\b")
_PLAIN_NAMES = {"target", "label", "class", "outcome", "y", "status", "customerstatus"}
POSITIVE = {
    *("1", "yes", "y", "true", "t", "churned", "churn", "churner", "exited", "left", "leaver", "lost", "gone"),
    *("attrited", "attrited customer", "cancelled", "canceled", "closed", "terminated", "departed"),
}
NEGATIVE = {
    *("0", "no", "n", "false", "f", "-1", "stayed", "not churned", "no churn", "non-churner", "retained", "existing"),
    *("existing customer", "active", "kept", "remained", "current", "loyal", "open", "not exited"),
}


class _Sides(NamedTuple):
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def clear(self) -> bool:
        return bool(self.positive and self.negative and not self.unknown)


@dataclass(frozen=True)
class FoundTarget:
    """The target column.

    Attributes:
        profile: of the column.
        positive: texts that mean that the customer left, as they are written.
        negative: those that mean that the customer stayed.
        how: by what it was recognised, in words.
        doubt: what a person must look at, if there is something.
        counts: rows by text, of the whole file.

    """

    profile: Profile
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    how: str
    doubt: str
    counts: dict[str, int]

    @property
    def label(self) -> str:
        """SQL of a row: 1 left, 0 stayed, NULL unknown."""
        sides = ((self.positive, 1), (self.negative, 0))
        whens = " ".join(f"WHEN {_in(self.profile, texts)} THEN {label}" for texts, label in sides)
        return f"CASE {whens} END"

    @property
    def left(self) -> int:
        """How many rows say that the customer left; `stayed` that he or she did not."""
        return sum(self.counts[text] for text in self.positive)

    @property
    def stayed(self) -> int:
        """How many rows say that the customer stayed."""
        return sum(self.counts[text] for text in self.negative)

    def values(self, texts: Sequence[str]) -> tuple[Value, ...]:
        """Texts as a schema writes them: 1, true or "Yes", each once."""
        return tuple(dict.fromkeys(map(_value, texts)))


def find_target(table: Table, profiles: Sequence[Profile], wanted: str | None) -> FoundTarget:
    """The column `wanted`, or the one that its name and its texts show to be the target.

    Raises:
        DataError: there is no such column, it has not two kinds of texts, or it is not clear which it is.
    """
    if wanted is None:
        return _chosen(table, _recognised(table, profiles), "by its name and its values")
    named = {profile.name: profile for profile in profiles}
    if wanted not in named:
        close = difflib.get_close_matches(wanted, named, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {shorten(', '.join(named), 200)}"
        raise DataError(f"{table.path} has no column {wanted!r}; {hint}")
    return _chosen(table, named[wanted], "by --target")


def _chosen(table: Table, profile: Profile, how: str) -> FoundTarget:
    rows = table.rows(
        f"SELECT {trimmed(profile.number)} AS text, count(*) FROM data WHERE text <> '' GROUP BY text "
        f"ORDER BY count(*) DESC, text LIMIT {MOST_TEXTS + 1}"
    )
    counts: dict[str, int] = dict(rows)
    shown = ", ".join(f"{shorten(text)} in {count:,} rows" for text, count in rows)
    if len(counts) < 2 or len(counts) > MOST_TEXTS:
        many = f"{profile.distinct:,} different values" if len(counts) > 1 else f"one value ({shown or 'none'})"
        raise DataError(f"{table.path}: column {profile.name!r} has {many}; a target says left or stayed")
    sides, doubt = _sides(tuple(counts)), ""
    if not sides.positive and len(counts) == 2:
        common, rare = counts
        sides = _Sides((rare,), (common,), ())
        doubt = f"which of {shorten(common)} and {shorten(rare)} means that the customer left? The rarer was taken"
    elif not sides.positive:
        raise DataError(f"{table.path}: column {profile.name!r}: none of its values says that a customer left: {shown}")
    elif sides.unknown or not sides.negative:
        doubt = f"{', '.join(map(shorten, sides.unknown))} taken for stayed"
        sides = _Sides(sides.positive, (*sides.negative, *sides.unknown), ())
    return FoundTarget(profile, sides.positive, sides.negative, how, doubt, counts)


def _recognised(table: Table, profiles: Sequence[Profile]) -> Profile:
    binary = [profile for profile in profiles if 2 <= profile.distinct <= MOST_TEXTS and _sides_of(profile).clear]
    speaking = sorted((p for p in binary if _LEAVING.search(_words(p.name))), key=_rank)
    found = speaking or [profile for profile in binary if _squeezed(profile.name) in _PLAIN_NAMES]
    if found and all(_agree(table, found[0], other) for other in found[1:]):
        return found[0]
    candidates = found or binary
    shown = "; ".join(f"{shorten(p.name)} ({', '.join(_texts(p.levels))})" for p in candidates[:10])
    what = f"candidates: {shown}" if candidates else "no column has values such as Yes and No, 1 and 0"
    raise DataError(f"{table.path}: which column says who left? Name it with --target COLUMN; {what}")


def _agree(table: Table, one: Profile, other: Profile) -> bool:
    """Whether both columns say the same of each row of the sample."""
    same = " = ".join(_in(profile, _sides_of(profile).positive) for profile in (one, other))
    return bool(table.rows(f"SELECT coalesce(bool_and(({same})), true) FROM sample")[0][0])


def _sides_of(profile: Profile) -> _Sides:
    return _sides(_texts(profile.levels))


def _texts(levels: Sequence[Level]) -> tuple[str, ...]:
    return tuple(level.text for level in levels if level.text is not None)


def _sides(texts: Sequence[str]) -> _Sides:
    forms = {text: plain(text).lower() for text in texts}
    positive = tuple(text for text in texts if forms[text] in POSITIVE)
    negative = tuple(text for text in texts if forms[text] in NEGATIVE)
    return _Sides(positive, negative, tuple(text for text in texts if text not in {*positive, *negative}))


def _rank(profile: Profile) -> tuple[int, int]:
    name = _squeezed(profile.name)
    return NAMES.index(name) if name in NAMES else len(NAMES), profile.number


def _squeezed(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())


def _words(name: str) -> str:
    """`HasLeft` and `has_left` as "has left"."""
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)).lower()


def _in(profile: Profile, texts: Sequence[str]) -> str:
    return f"{trimmed(profile.number)} IN ({', '.join(map(quote_text, texts))})"


def _value(text: str) -> Value:
    form = plain(text)
    if form in ("true", "false"):
        return form == "true"
    try:
        return int(form)
    except ValueError:
        return text
