"""Explainer of a model: the reasons for its predictions, made of `reasons.json`.

Format 1 of `reasons.json`:

    format   1
    kind     "linear" or "trees"
    base     log-odds of the mean customer of training
    numbers  of each number, what `Phrases` takes
    ...      what `LinearModel` or `Trees` takes

To change the format: raise `FORMAT`, keep reading the old one, retrain.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from churn.model.reasons.levels import Levels, Texts
from churn.model.reasons.linear import Floats, LinearModel, Numbers
from churn.model.reasons.phrases import Phrases
from churn.model.reasons.trees import Trees
from churn.schema.definition import Schema
from churn.schema.record import Customer
from churn.stored_files import ModelFile

FORMAT = 1
FILE_NAME = ModelFile.REASONS.path

_CONTRIBUTIONS = 1_500  # written in 1 ms
_DIGITS = 9
"""After the point: a thousand features are then off by 5e-7 in all, at most."""


class Explainer:
    """The reasons of one model.

    Args:
        document: the content of `reasons.json`.
        card: of the model.
        schema: of its table.

    Attributes:
        base: log-odds to which the contributions are added.
        rows: customers to explain in one turn of the event loop, in 1 to 2 ms.

    Raises:
        ValueError: the document is of another format, or its parts do not fit together.
        KeyError, TypeError: it lacks something, or something is of another type.

    """

    def __init__(self, document: Mapping[str, Any], card: Mapping[str, Any], schema: Schema) -> None:
        if document["format"] != FORMAT:
            raise ValueError(f"its format is {document['format']!r}, this code reads {FORMAT}")
        self.base = float(document["base"])
        levels = Levels(card["categories"][name] for name in schema.category_names)
        self._model = _model(document, levels, len(schema.numbers))
        self._phrases = Phrases(schema, card, document["numbers"])
        self._names = schema.feature_names
        inputs = (*schema.number_names, *schema.category_names)
        self._place = [inputs.index(name) for name in self._names]
        self.rows = max(1, min(self._model.rows, _CONTRIBUTIONS // len(self._names)))

    def contributions(self, numbers: Numbers, texts: Texts) -> Floats:
        """[n, features] log-odds in the schema's order, of what `Scorer.columns` gives for n customers."""
        found: Floats = self._model.contributions(numbers, texts).take(self._place, axis=1)
        return found

    def probabilities(self, numbers: Numbers, texts: Texts) -> Floats:
        """[n] probabilities of churn that base and contributions add up to."""
        probabilities: Floats = 1 / (1 + np.exp(-self.base - self.contributions(numbers, texts).sum(axis=1)))
        return probabilities

    def render(self, customers: Sequence[Customer], contributions: Floats) -> list[bytes]:
        """The JSON object of `Reasons` for each customer, of [n, features] contributions."""
        order = (-np.abs(contributions)).argsort(axis=1, kind="stable").tolist()
        rounded = (contributions.round(_DIGITS) + 0.0).tolist()  # + 0.0: no -0.0
        return list(map(self._render, customers, rounded, order))

    def _render(self, customer: Customer, contributions: list[float], order: list[int]) -> bytes:
        names = self._names
        values = [customer.features[name] for name in names]
        features = [
            {"feature": names[place], "value": values[place], "contribution": contributions[place]} for place in order
        ]
        summary = self._phrases.summary(order, values, contributions)
        return orjson.dumps({"base": self.base, "features": features, "summary": summary})


def _model(document: Mapping[str, Any], levels: Levels, numbers: int) -> LinearModel | Trees:
    kind = document["kind"]
    if kind == "linear":
        return LinearModel(document, levels)
    if kind == "trees":
        return Trees(document, levels, numbers)
    raise ValueError(f"its kind is {kind!r}, this code knows linear and trees")
