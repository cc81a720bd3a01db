"""Target of a table of customers: the column that says who left."""

from functools import cached_property
from typing import Annotated, Self

from pydantic import Field, model_validator

from churn.schema.table import Table, Value


class Target(Table):
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
