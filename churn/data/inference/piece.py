"""Piece of a proposal: what one column adds to a schema."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from churn.data.columns import shorten
from churn.data.inference.profile import Profile
from churn.data.inference.ranges import generous_range
from churn.data.inference.roles import Judged, Role, differs_in_case, is_counted, is_named_key, judge
from churn.data.inference.suspects import suspicion
from churn.schema.feature import REQUEST_ID
from churn.schema.table import Value

_DEFAULT_LENGTH = 64
_LENGTHS = (_DEFAULT_LENGTH, 128, 256, 512, 1_000)
_ROOM = 1.5


@dataclass(frozen=True)
class Piece:
    """What one column becomes; without its texts, which may be many.

    Attributes:
        column: its name in the file.
        role: what becomes of it.
        keys: of a feature in the schema file, but `name`, `column` and `missing`.
        note: what a person wants to know of it.
        look: whether a person must look at it.
        missing: how many values are missing.
        blanks: texts of nothing but spaces, as the file has them.
        words: texts that mean a missing value where they stand among numbers.
        marked: how many fields hold these.
        rank: of a key: the least names the customers best.

    """

    column: str
    role: Role
    keys: dict[str, Value]
    note: str
    look: bool
    missing: int
    blanks: tuple[str, ...]
    words: tuple[str, ...]
    marked: int
    rank: int


def piece_of(profile: Profile) -> Piece:
    """What a column that is not the target becomes; its levels must be there, with their targets."""
    judged = judge(profile)
    if judged.role == "feature" and (why := suspicion(profile)):
        text = f"{why}; was it filled only after customers had left? If not, make it a feature"
        judged = Judged(profile, "ignored", text=text, look=True)
    keys: dict[str, Value] = {}
    note = judged.text
    if judged.role == "feature":
        keys, case = _keys(judged), differs_in_case(profile)
        if case and judged.kind == "category":
            note = "; ".join([*filter(None, [note]), f"{' and '.join(map(shorten, case))} become one: case is lower"])
    rank = 2 * (not is_named_key(profile.name)) + is_counted(profile)
    return Piece(
        profile.name,
        judged.role,
        keys,
        note,
        judged.look,
        profile.missing,
        profile.blanks,
        profile.words,
        profile.marked if not profile.is_number else 0,
        rank if profile.is_unique else 4 + rank,
    )


def names_of(columns: Sequence[str]) -> list[str]:
    """A name for requests for each column: the column itself where it is a word, else a word in lower case of it.

    Example:
        names_of(["tenure", "Call  Failure"])  # ["tenure", "call_failure"]

    """
    taken: set[str] = set()
    return [_free(_word(column), taken) for column in columns]


def _word(column: str) -> str:
    if column.isidentifier() and len(column) <= 60 and column == unicodedata.normalize("NFC", column):
        return column
    word = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", column).lower()).strip("_")[:60]
    return word if word.isidentifier() else f"x_{word}".rstrip("_")


def _free(word: str, taken: set[str]) -> str:
    """The word, with a number behind it if it is taken; adds it to what is taken."""
    names: Iterable[str] = (word if number == 1 else f"{word}_{number}" for number in range(1, len(taken) + 3))
    name = next(name for name in names if name.casefold() not in taken and name != REQUEST_ID)
    taken.add(name.casefold())
    return name


def _keys(judged: Judged) -> dict[str, Value]:
    profile, kind = judged.profile, judged.kind
    keys: dict[str, Value] = {"kind": kind}
    if kind in ("integer", "number"):
        low, high = generous_range(profile.low or 0, profile.high or 0)
        keys |= {"minimum": _short(low), "maximum": _short(high), "example": _median(profile, whole=kind == "integer")}
        return keys
    common = (profile.known[0].text or "").strip()
    if kind == "boolean":
        return keys | {"example": common.lower() == "true"}
    if differs_in_case(profile):
        keys["case"] = "lower"
    length = next((length for length in _LENGTHS if length >= _ROOM * profile.longest), _LENGTHS[-1])
    if length != _DEFAULT_LENGTH:
        keys["max_length"] = length
    return keys | {"example": common}


def _median(profile: Profile, *, whole: bool) -> int | float:
    """The middle one of the sample's numbers."""
    numbers = sorted((number, level.rows) for level in profile.known if (number := level.number) is not None)
    before, half = 0, sum(rows for _, rows in numbers) / 2
    for number, rows in numbers:
        before += rows
        if before >= half:
            return int(number) if whole else _short(number)
    raise AssertionError("a column of numbers has a number")  # the profile says so


def _short(number: float) -> int | float:
    return int(number) if float(number).is_integer() else float(number)
