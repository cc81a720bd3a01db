"""Role of a column: a feature of some kind, a key of rows, or nothing a model can use."""

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from churn.data.columns import shorten
from churn.data.inference.profile import Profile
from churn.schema.feature import FURTHEST, Kind

MANY_LEVELS = 20
"""Of a category with more levels, training takes the rare ones together."""
_TOO_MANY_LEVELS = 100
_MOST = 0.95
_LEAST_KEYS = 20
_SURE_KEYS = 1_000
"""Whole numbers that differ in so many rows are keys, whatever their name."""
_FREE_TEXT_WORDS = 3
_LONGEST = 1_000

_DATE = re.compile(r"(\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([ T,].*)?", re.ASCII)
_COMPACT_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}([,.' ]\d{3})+([.,]\d+)?", re.ASCII)
_SIGNED = re.compile(r"[+-]?[$€£¥]\s*[\d.,]+|[+-]?[\d.,]+\s*[$€£¥%]", re.ASCII)
_KEY_WORDS = {"id", "ids", "uuid", "guid", "key", "number", "num", "no", "nr"}
_KEY_NAME = re.compile(r"(client|customer|account|user|member|subscriber|policy|phone)[\W_]*(id|num|number|no|nr|key)?")

type Role = Literal["feature", "key", "ignored"]


class Judged(NamedTuple):
    """What a column is taken for.

    Attributes:
        profile: of the column.
        role: what becomes of it.
        kind: of a feature.
        text: why, or what a person wants to know of it, in words.
        look: whether a person must look at it.

    """

    profile: Profile
    role: Role
    kind: Kind = "category"
    text: str = ""
    look: bool = False


def judge(profile: Profile) -> Judged:
    """Judge a column that is not the target, by its figures and the texts of its sample."""
    if why := _useless(profile):
        return Judged(profile, "ignored", text=why)
    if why := _date(profile):
        return Judged(profile, "ignored", text=f"{why}; instead, give the time since then as a number")
    if profile.is_number or _is_mostly_number(profile):
        return _judge_number(profile)
    if all((level.text or "").lower() in ("true", "false") for level in profile.known):
        return Judged(profile, "feature", "boolean")
    return _judge_text(profile)


def is_named_key(name: str) -> bool:
    """Whether a name says that a column holds keys: `customerID`, `CLIENTNUM`, `account_no`."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    if words and words[0].lower() == "row":
        return False
    return bool(words and words[-1].lower() in _KEY_WORDS) or _KEY_NAME.fullmatch(name.lower()) is not None


def is_counted(profile: Profile) -> bool:
    """Whether it holds the numbers of the rows: each whole number of a range once."""
    if not (profile.is_number and profile.whole and profile.low in (0, 1) and profile.high is not None):
        return False
    return profile.high - profile.low + 1 == profile.rows and _is_key(profile)


def differs_in_case(profile: Profile) -> tuple[str, ...]:
    """Two or more texts that differ in nothing but their case."""
    groups: dict[str, list[str]] = {}
    for level in profile.known:
        text = level.text or ""
        groups.setdefault(text.lower(), []).append(text)
    return next((tuple(texts) for texts in groups.values() if len(texts) > 1), ())


def _useless(profile: Profile) -> str | None:
    if profile.type == "other":
        return "it holds lists, structs or bytes"
    if not profile.known:
        return "it is empty"
    if len(profile.known) == 1 and profile.missing == 0 and profile.distinct <= 2:
        return f"it is constant: {shorten(profile.known[0].text or '')} in every row"
    if not profile.name.strip() or (is_counted(profile) and not is_named_key(profile.name)):
        return "it numbers the rows" if is_counted(profile) else "it has no name"
    return None


def _date(profile: Profile) -> str | None:
    compact = bool(profile.whole) and len(profile.known) > MANY_LEVELS
    if profile.is_number and not compact:
        return None  # 3535.48 is no month of the year 3535
    if profile.type == "moment" or _share(profile, _COMPACT_DATE if profile.is_number else _DATE) >= _MOST:
        return f"dates such as {shorten(profile.known[0].text or '')}"
    return None


def _judge_number(profile: Profile) -> Judged:
    low, high = profile.low or 0, profile.high or 0
    if max(-low, high) > FURTHEST / 10:
        return Judged(profile, "ignored", text=f"numbers beyond {FURTHEST / 10:g}, which are keys rather than amounts")
    kind: Kind = "integer" if profile.whole else "number"
    if profile.whole and _is_key(profile):
        named = is_named_key(profile.name)
        if named or profile.rows >= _SURE_KEYS:
            return Judged(profile, "key", text="a different whole number in every row", look=not named)
    others = [level for level in profile.known if not profile.is_number and level.number is None]
    if others:
        shown = ", ".join(shorten(level.text or "") for level in others[:3])
        count = profile.filled - profile.numbers
        text = f"{count:,} fields are no numbers: {shown}; correct them, or add them to `missing` of [file]"
        return Judged(profile, "feature", kind, text, look=True)
    return Judged(profile, "feature", kind)


def _judge_text(profile: Profile) -> Judged:
    if _share(profile, _THOUSANDS) >= _MOST or _share(profile, _SIGNED) >= _MOST:
        example = shorten(profile.known[0].text or "")
        return Judged(
            profile, "ignored", text=f"numbers such as {example}; write digits and a decimal mark only", look=True
        )
    words = _mean(((level.text or "").count(" ") + 1, level.rows) for level in profile.known)
    of_its_own = len(profile.known) / profile.known_rows
    if (
        words >= _FREE_TEXT_WORDS and of_its_own >= 0.5 and len(profile.known) >= _LEAST_KEYS
    ) or profile.longest > _LONGEST:
        return Judged(profile, "ignored", text="free text; instead, derive categories or numbers from it")
    if _is_key(profile):
        return Judged(profile, "key", text="a different text in every row", look=not is_named_key(profile.name))
    if of_its_own >= 0.5 and len(profile.known) > _TOO_MANY_LEVELS:
        return Judged(profile, "ignored", text="nearly every row has a text of its own", look=True)
    if len(profile.known) > MANY_LEVELS:
        sampled = sum(level.rows for level in profile.levels) < profile.rows
        levels = f"about {max(profile.distinct, len(profile.known)):,}" if sampled else f"{len(profile.known):,}"
        text = f"{levels} levels, of which training takes the rare ones together"
        return Judged(profile, "feature", text=text, look=len(profile.known) > _TOO_MANY_LEVELS)
    return Judged(profile, "feature")


def _is_key(profile: Profile) -> bool:
    of_its_own = len(profile.known) / max(profile.known_rows, 1)
    least = _MOST if is_named_key(profile.name) else 1
    return len(profile.known) >= _LEAST_KEYS and of_its_own >= least


def _is_mostly_number(profile: Profile) -> bool:
    numbers = profile.numbers - profile.codes
    return profile.codes == 0 and numbers >= _MOST * profile.filled and len(profile.known) > MANY_LEVELS


def _share(profile: Profile, pattern: re.Pattern[str]) -> float:
    return _mean((pattern.fullmatch(level.text or "") is not None, level.rows) for level in profile.known)


def _mean(weighted: Iterable[tuple[float, int]]) -> float:
    pairs: Sequence[tuple[float, int]] = list(weighted)
    return sum(value * rows for value, rows in pairs) / max(sum(rows for _, rows in pairs), 1)
