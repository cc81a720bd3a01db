"""Feature of a table of customers: what a model is given of each under one name."""

import math
import unicodedata
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from churn.schema.category import Case, Category
from churn.schema.table import Table, Value

FURTHEST = 1e15
"""What a number without a limit of its own may be at most, either way: 32 bits hold it, and what is computed of it."""
REQUEST_ID = "request_id"
"""Name of the client's own id in a request: no feature's."""

type Kind = Literal["integer", "number", "category", "boolean"]


class Feature(Table):
    """What the model is given of a customer under one name.

    Attributes:
        name: key in requests, a word of letters, digits and `_`.
        column: what files call it, where that is not `name`.
        kind: a boolean is true or false in requests and counts as the number 1 or 0.
        minimum: the least number allowed, and `maximum` the greatest; None is no limit but `FURTHEST`.
        case: what the texts of a category are changed to.
        max_length: characters of a category at most.
        missing: `impute`: it may be absent, or null; `refuse`: only in up to 5 % of the rows of a training file.
        description: for people, in the documents made of the schema.
        example: a value of the record that these documents show.

    """

    name: Annotated[str, Field(min_length=1, max_length=64)]
    column: str = ""
    kind: Kind
    minimum: float | None = None
    maximum: float | None = None
    case: Case = "keep"
    max_length: Annotated[int, Field(ge=1, le=1_000)] = 64
    missing: Literal["refuse", "impute"] = "refuse"
    description: str = ""
    example: str | int | float | bool | None = None

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not name.isidentifier() or name != unicodedata.normalize("NFC", name):
            raise ValueError('a name is letters, digits and "_"; what files call it goes into `column`')
        if name == REQUEST_ID:
            raise ValueError("request_id is the client's own id of a request; give the feature another name")
        return name

    @model_validator(mode="after")
    def _check(self) -> Self:
        numeric = self.kind in ("integer", "number")
        given = self.model_fields_set
        for key, allowed in (("minimum", numeric), ("maximum", numeric), ("case", self.is_category)):
            if key in given and not allowed:
                raise ValueError(f"a {self.kind} has no {key}")
        if "max_length" in given and not self.is_category:
            raise ValueError(f"a {self.kind} has no max_length")
        if self.low > self.high:
            raise ValueError(f"minimum {self.low:g} is above maximum {self.high:g}")
        if self.kind == "integer" and math.ceil(self.low) > math.floor(self.high):
            raise ValueError(f"there is no whole number from minimum {self.low:g} to maximum {self.high:g}")
        if max(abs(self.low), abs(self.high)) > FURTHEST:
            raise ValueError(f"minimum and maximum go from {-FURTHEST:g} to {FURTHEST:g}")
        if self.example is not None and (why := self._example_problem(self.example)):
            raise ValueError(f"the example {self.example!r} {why}")
        return self

    def _example_problem(self, example: Value) -> str | None:
        if self.kind == "boolean":
            return None if isinstance(example, bool) else "is neither true nor false"
        if self.is_category:
            return self._text_problem(example) if isinstance(example, str) else "is not a text"
        if isinstance(example, bool | str):
            return "is not a number"
        if self.kind == "integer" and example != math.floor(example):
            return "is not a whole number"
        return None if self.low <= example <= self.high else f"is not from {self.low:g} to {self.high:g}"

    def _text_problem(self, example: str) -> str | None:
        try:
            self.category.uniform(example)
        except ValueError as error:
            return f"would be refused in a request: {error}"
        return None

    @property
    def is_category(self) -> bool:
        """Whether it is a text; else it is a number, or a boolean taken for one."""
        return self.kind == "category"

    @property
    def optional(self) -> bool:
        """Whether a request may leave it out, or say null."""
        return self.missing == "impute"

    @property
    def in_files(self) -> str:
        """The column of files."""
        return self.column or self.name

    @property
    def low(self) -> float:
        """The least number allowed."""
        if self.kind == "boolean":
            return 0.0
        return -FURTHEST if self.minimum is None else self.minimum

    @property
    def high(self) -> float:
        """The greatest number allowed."""
        if self.kind == "boolean":
            return 1.0
        return FURTHEST if self.maximum is None else self.maximum

    @property
    def category(self) -> Category:
        """The normal form of its texts."""
        return Category(self.case, self.max_length)
