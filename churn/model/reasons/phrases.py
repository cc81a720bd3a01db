"""Reasons in words, of a bounded vocabulary: names of features, levels that training saw, and the words below."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from churn.schema.definition import Schema
from churn.schema.feature import Feature

SHOWN = 3
"""Features that a summary names at most."""
LEAST = 0.05
"""Log-odds below which a contribution is not worth a sentence: it moves a probability by at most 1.25 points."""

_WORD = re.compile("_+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_YES, _NO = ("yes", "true"), ("no", "false")
_SINGULAR = ("ss", "us", "is")  # endings of words that are one thing


class Phrases:
    """Sentences about the features of one model.

    Args:
        schema: of the table.
        card: of the model, for the levels that training saw.
        numbers: of each number, `quartiles` (the lower and the upper one, null where none is known) and `flag`
            (whether it is 0 or 1 in all training rows).

    """

    def __init__(self, schema: Schema, card: Mapping[str, Any], numbers: Sequence[Mapping[str, Any]]) -> None:
        described = dict(zip(schema.number_names, numbers, strict=True))
        self._features = [_words(feature, card, described.get(feature.name, {})) for feature in schema.feature]

    def summary(self, order: Sequence[int], values: Sequence[Any], contributions: Sequence[float]) -> list[str]:
        """Sentences about the largest contributions.

        Args:
            order: places of features in the schema, the largest contribution first.
            values: of the features, in the schema's order.
            contributions: likewise.

        """
        sentences, most = [], {"raise": " most", "lower": " most"}
        for place in order[:SHOWN]:
            if abs(contributions[place]) < LEAST:
                break
            verb = "raise" if contributions[place] > 0 else "lower"
            subject, plural = self._features[place].subject(values[place])
            sentence = f"{subject} {verb}{'' if plural else 's'} the risk{most[verb]}"
            sentences.append(sentence[0].upper() + sentence[1:])
            most[verb] = ""
        return sentences


def human_name(name: str) -> str:
    """The words of a name: `StreamingTV` is "streaming TV"."""
    words = [word for word in _WORD.split(name) if word]
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words) or name


def is_plural(name: str) -> bool:
    """Whether the verb after this name has no "s"."""
    return name.endswith("s") and not name.endswith(_SINGULAR)


class _Category:
    """Words for a category."""

    def __init__(self, feature: Feature, card: Mapping[str, Any]) -> None:
        self._name = human_name(feature.name)
        self._plural = is_plural(self._name)
        self._levels = frozenset(card["categories"][feature.name])
        self._rare = frozenset(card.get("rare_categories", {}).get(feature.name, ()))

    def subject(self, value: str | None) -> tuple[str, bool]:
        """What a sentence begins with, and whether that is a plural."""
        if value is None:
            return f"missing {self._name}", self._plural
        if value not in self._levels:
            return f"{'rare' if value in self._rare else 'unseen'} {self._name}", self._plural
        level = value.casefold()
        if level in _YES:
            return self._name, self._plural
        if level in _NO:
            return f"no {self._name}", self._plural
        if level.startswith("no "):
            return f"{value} ({self._name})", False
        return f"{value} {self._name}", self._plural


class _Flag:
    """Words for a boolean, or a number that is 0 or 1."""

    def __init__(self, feature: Feature) -> None:
        name = human_name(feature.name)
        first, _, rest = name.partition(" ")
        self._name = rest if rest and first in ("is", "has") else name
        self._not = "not" if first == "is" else "no"
        self._plural = is_plural(self._name)

    def subject(self, value: float | None) -> tuple[str, bool]:
        """What a sentence begins with, and whether that is a plural."""
        if value is None:
            return f"missing {self._name}", self._plural
        return (self._name if value else f"{self._not} {self._name}"), self._plural


class _Number:
    """Words for a number: where it lies among the training rows."""

    def __init__(self, feature: Feature, quartiles: Sequence[float | None]) -> None:
        self._name = human_name(feature.name)
        self._plural = is_plural(self._name)
        self._lower, self._upper = quartiles

    def subject(self, value: float | None) -> tuple[str, bool]:
        """What a sentence begins with, and whether that is a plural."""
        return f"{self._where(value)} {self._name}", self._plural

    def _where(self, value: float | None) -> str:
        if value is None:
            return "missing"
        if self._lower is None or self._upper is None:
            return "middling"
        # A quarter of the rows may be at the least value, as with a count that is mostly 0: that is low too.
        if value < self._lower or value == self._lower < self._upper:
            return "low"
        return "high" if value > self._upper or value == self._upper > self._lower else "middling"


def _words(feature: Feature, card: Mapping[str, Any], described: Mapping[str, Any]) -> _Category | _Flag | _Number:
    if feature.is_category:
        return _Category(feature, card)
    if feature.kind == "boolean" or described["flag"]:
        return _Flag(feature)
    return _Number(feature, described["quartiles"])
