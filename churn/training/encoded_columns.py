"""Columns of the model's inputs: which of what the encoder makes belong to which feature."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from churn.training.encoding import Inputs


@dataclass(frozen=True)
class EncodedColumns:
    """The columns of `fit_encoder`'s output, by feature.

    Attributes:
        number: feature -> the column of its value.
        present: feature -> the column that says whether a number is there.
        levels: feature -> level -> the column that says whether a category has it.

    """

    number: Mapping[str, int]
    present: Mapping[str, int]
    levels: Mapping[str, Mapping[str, int]]

    @classmethod
    def of(cls, inputs: Inputs, *, scaled: bool) -> Self:
        """Those of an encoder with these arguments, in the order in which it makes them."""
        number = {name: column for column, name in enumerate(inputs.schema.number_names)}
        missing = inputs.sometimes_missing if scaled else ()
        present = {name: len(number) + column for column, name in enumerate(missing)}
        levels, column = {}, len(number) + len(present)
        for name in inputs.schema.category_names:
            levels[name] = {level: column + place for place, level in enumerate(inputs.categories[name])}
            column += len(levels[name])
        return cls(number, present, levels)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.number) + len(self.present) + sum(map(len, self.levels.values()))

    def of_feature(self, name: str) -> list[int]:
        """All columns of a feature."""
        if name in self.levels:
            return list(self.levels[name].values())
        return [self.number[name], *([self.present[name]] if name in self.present else [])]
