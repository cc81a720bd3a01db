"""Schema of a table of customers: its features, target, identifier and files. Data, not code; `reading` reads it."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from churn.schema.feature import Feature
from churn.schema.table import Table
from churn.schema.target import Target

MAX_FEATURES = 1_000


class Identifier(Table):
    """The column that names a row; never a feature."""

    column: Annotated[str, Field(min_length=1)]


class File(Table):
    """How files are written, where that cannot be told from the file.

    Attributes:
        missing: fields that mean that nothing is known, exactly so.
        ignore: columns that may be there and are not used.

    """

    missing: Annotated[tuple[str, ...], Field(strict=False)] = ("",)
    ignore: Annotated[tuple[str, ...], Field(strict=False)] = ()


class Gate(Table):
    """What a candidate must reach.

    Attributes:
        f1: F1 to reach; without it a candidate is held to what a constant answer and the champion reach.

    """

    f1: Annotated[float, Field(ge=0, le=1)] | None = None


class Schema(Table):
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
