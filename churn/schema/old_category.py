"""Normalisation of categories: one function for requests and for training files.

Python's functions change the case, not pydantic's constraints: these know another version of Unicode. A letter
that only one of the two knows (U+019B has had an upper case since Unicode 16) would make a category that
training saw unknown when it is served.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, PydanticKnownError, core_schema

# Control characters and line separators would let a value forge a log line or a header.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"

_printable = re.compile(PRINTABLE).fullmatch
# Unicode's property White_Space. `str.strip` alone would take U+001C to U+001F too, which are not printable.
_SPACES = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
_MOST_PARTS = 4
"""NFC makes one character of at most so many."""
_REMEMBERED = 4096
"""So many texts a column, in at most 4 MB; a client may send any."""


@dataclass(frozen=True)
class Category:
    """Annotates a text: trimmed, in NFC and of one case, and then of 1 to `max_length` printable characters."""

    case: Literal["lower", "upper"]
    max_length: int

    def uniform(self, text: str) -> str:
        """The form in which models know a text; of that form it is the form itself.

        Raises:
            PydanticKnownError: there is nothing but spaces, or something not printable.
            PydanticCustomError: it is too long; `length` in its context is in characters of that form.
        """
        text = text.strip(_SPACES)
        if not text:
            raise PydanticKnownError("string_too_short", {"min_length": 1})
        # Longer ones stay too long. They are not composed: the time for that grows with the square of the length.
        if len(text) <= self.max_length * _MOST_PARTS:
            if not (text.isprintable() or _printable(text)):  # the first is quicker and allows less
                raise PydanticKnownError("string_pattern_mismatch", {"pattern": PRINTABLE})
            composed = unicodedata.normalize("NFC", text)
            # A letter with its accent may be one character in one case and two in the other.
            text = unicodedata.normalize("NFC", composed.lower() if self.case == "lower" else composed.upper())
        if len(text) > self.max_length:
            message = "String should have at most {max_length} characters, counted in {case} case and NFC"
            context = {"max_length": self.max_length, "case": self.case, "length": len(text)}
            raise PydanticCustomError("string_too_long", message, context)
        return text

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """A text, then `uniform`. Remembered, that takes less time than pydantic's own constraints."""
        return core_schema.no_info_after_validator_function(_Remembered(self).__getitem__, core_schema.str_schema())

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """What JSON Schema can say of it."""
        return {"type": "string", "minLength": 1, "maxLength": self.max_length, "pattern": PRINTABLE}


class _Remembered(dict[str, str]):
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
