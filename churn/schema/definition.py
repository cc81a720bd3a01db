"""Schema of a table of customers: its features, target, identifier and files. Data, not code; `reading` reads it."""

import hashlib
import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from churn.schema.category import Case, Category

FURTHEST = 1e15
"""What a number without a limit of its own may be at most, either way: 32 bits hold it, and what is computed of it."""
MAX_FEATURES = 1_000
REQUEST_ID = "request_id"
"""Name of the client's own id in a request: no feature's."""

type Kind = Literal["integer", "number", "category", "boolean"]
type Value = str | int | float | bool


class _Table(BaseModel):
    """A table of the TOML file: nothing but the keys below, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Feature(_Table):
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


class Target(_Table):
    """The column that says who left.

    Attributes:
        column: its name in files.
        positive: texts or numbers that mean that the customer left.
        negative: those that mean that the customer stayed.

    """

    column: Annotated[str, Field(min_length=1)]
    positive: Annotated[tuple[Value, ...], Field(min_length=1, strict=False)] = (1,)
    negative: Annotated[tuple[Value, ...], Field(min_length=1, strict=False)] = (0,)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for value in self.positive:
            if plain(str(value)) in map(plain, map(str, self.negative)):
                raise ValueError(f"{value!r} cannot be both positive and negative")
        return self

    def label(self, text: str) -> int | None:
        """1 or 0 for a field that is not empty; None where it is neither: `1.0` is `1`, outer blanks do not count."""
        return self._labels.get(plain(text))

    @cached_property
    def _labels(self) -> dict[str, int]:
        return {plain(str(value)): label for label in (0, 1) for value in (self.negative, self.positive)[label]}

    @property
    def allowed(self) -> str:
        """What the column may hold, in words."""
        values = (*self.negative, *self.positive)
        return " or ".join((", ".join(map(_shown, values[:-1])), _shown(values[-1])))


class Identifier(_Table):
    """The column that names a row; never a feature."""

    column: Annotated[str, Field(min_length=1)]


class File(_Table):
    """How files are written, where that cannot be told from the file.

    Attributes:
        missing: fields that mean that nothing is known, exactly so.
        ignore: columns that may be there and are not used.

    """

    missing: Annotated[tuple[str, ...], Field(strict=False)] = ("",)
    ignore: Annotated[tuple[str, ...], Field(strict=False)] = ()


class Gate(_Table):
    """What a candidate must reach.

    Attributes:
        f1: F1 to reach; without it a candidate is held to what a constant answer and the champion reach.

    """

    f1: Annotated[float, Field(ge=0, le=1)] | None = None


class Schema(_Table):
    """The schema of a table of customers.

    Attributes:
        version: of the format of schema files.
        name: of the table.
        target: the column that says who left.
        feature: what models are given, in this order in answers and in the journal.
        identifier: the column that names rows, if there is one.
        file: how files are written.
        retired: fields of earlier schemas that requests may still hold; ignored, with a warning.
        gate: what candidates must reach.

    """

    version: Literal[1]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,62})$")]
    target: Target
    feature: Annotated[tuple[Feature, ...], Field(min_length=1, max_length=MAX_FEATURES, strict=False)]
    identifier: Identifier | None = None
    file: File = File()
    retired: Annotated[tuple[str, ...], Field(strict=False)] = ()
    gate: Gate = Gate()
    _source: bytes = PrivateAttr(b"")

    @classmethod
    def of_file(cls, document: dict[str, Any], source: bytes) -> Self:
        """A schema of a TOML document and of the file's bytes, which `source` gives again.

        Raises:
            ValidationError: it says what it may not.
        """
        schema = cls.model_validate(document)
        schema._source = source
        return schema

    @property
    def source(self) -> bytes:
        """The file, as models carry it."""
        return self._source

    @model_validator(mode="after")
    def _check(self) -> Self:
        for what, names in (("feature", self._folded_names()), ("column", self._columns())):
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise ValueError(f"the {what} {twice[0]!r} is there twice")
        return self

    def _folded_names(self) -> Iterator[str]:
        # DuckDB, which reads the journal, does not tell `Age` from `age`.
        yield from (name.casefold() for name in (*self.feature_names, *self.retired))

    def _columns(self) -> Iterator[str]:
        yield from (feature.in_files for feature in self.feature)
        yield self.target.column
        yield from self.file.ignore
        if self.identifier is not None:
            yield self.identifier.column

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features, in order."""
        return tuple(feature.name for feature in self.feature)

    @cached_property
    def numbers(self) -> tuple[Feature, ...]:
        """The features that the model takes as numbers: integers, numbers and booleans."""
        return tuple(feature for feature in self.feature if not feature.is_category)

    @cached_property
    def categories(self) -> tuple[Feature, ...]:
        """The features that the model takes as texts."""
        return tuple(feature for feature in self.feature if feature.is_category)

    @cached_property
    def number_names(self) -> tuple[str, ...]:
        """The names of `numbers`."""
        return tuple(feature.name for feature in self.numbers)

    @cached_property
    def category_names(self) -> tuple[str, ...]:
        """The names of `categories`."""
        return tuple(feature.name for feature in self.categories)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the schema says, comments and order of keys left out."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def plain(text: str) -> str:
    """The form in which target values are compared: `Yes ` is `Yes`, `1.0` is `1`, `True` is `true`."""
    text = text.strip()
    try:
        number = float(text)
    except ValueError:
        return "true" if text == "True" else "false" if text == "False" else text
    return str(int(number)) if number.is_integer() else str(number)


def _shown(value: Value) -> str:
    return value if isinstance(value, str) else str(value).lower()
