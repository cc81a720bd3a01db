"""Normalisation of categories: one function for requests and for training files.

Python's functions change the case, not pydantic's constraints: these know another version of Unicode. A letter
that only one of the two knows (U+019B has had an upper case since Unicode 16) would make a category that
training saw unknown when it is served.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from pydantic_core import PydanticCustomError, PydanticKnownError, core_schema

# Control characters and line separators would let a value forge a log line or a header.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"

type Case = Literal["keep", "lower", "upper"]

_printable = re.compile(PRINTABLE).fullmatch
# Unicode's property White_Space. `str.strip` alone would take U+001C to U+001F too, which are not printable.
SPACES = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
_MOST_PARTS = 4
"""NFC makes one character of at most so many."""
_REMEMBERED = 4096
"""So many texts a column, in at most 4 MB; a client may send any."""


@dataclass(frozen=True)
class Category:
    """Normal form of a text: trimmed, in NFC, in one case; then of 1 to `max_length` printable characters."""

    case: Case
    max_length: int

    def uniform(self, text: str) -> str:
        """The form in which models know a text; of that form it is the form itself.

        Raises:
            PydanticKnownError: there is nothing but spaces, or something not printable.
            PydanticCustomError: it is too long; `length` in its context is in characters of that form.
        """
        text = text.strip(SPACES)
        if not text:
            raise PydanticKnownError("string_too_short", {"min_length": 1})
        # Longer ones stay too long. They are not composed: the time for that grows with the square of the length.
        if len(text) <= self.max_length * _MOST_PARTS:
            if not (text.isprintable() or _printable(text)):  # the first is quicker and allows less
                raise PydanticKnownError("string_pattern_mismatch", {"pattern": PRINTABLE})
            text = unicodedata.normalize("NFC", text)
            if self.case != "keep":
                # A letter with its accent may be one character in one case and two in the other.
                text = unicodedata.normalize("NFC", text.lower() if self.case == "lower" else text.upper())
        if len(text) > self.max_length:
            message = f"String should have at most {{max_length}} characters, counted in {self.counted_in}"
            context = {"max_length": self.max_length, "length": len(text)}
            raise PydanticCustomError("string_too_long", message, context)
        return text

    @property
    def counted_in(self) -> str:
        """The form in which characters are counted, in words."""
        return "NFC" if self.case == "keep" else f"{self.case} case and NFC"

    def validator(self) -> core_schema.CoreSchema:
        """A text, then `uniform`. Remembered, that takes less time than pydantic's own constraints."""
        return core_schema.no_info_after_validator_function(Remembered(self).__getitem__, core_schema.str_schema())


class Remembered(dict[str, str]):
    """The last texts and their forms. Unlike with `lru_cache`, a text of megabytes of spaces is not kept."""

    def __init__(self, category: Category) -> None:
        self._category = category

    def __missing__(self, text: str) -> str:
        form = self._category.uniform(text)
        if len(text) <= self._category.max_length * _MOST_PARTS:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[text] = form
        return form
