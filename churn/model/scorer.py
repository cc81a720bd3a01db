"""A loaded model: customers in, probabilities out, through ONNX Runtime. No scikit-learn, no pandas, no pickle."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import batched
from operator import contains, itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from churn.errors import ModelInvalid
from churn.model.reasons.explainer import FILE_NAME as REASONS_FILE
from churn.model.reasons.explainer import Explainer
from churn.model.session import CURE, Categories, Numbers, make_session
from churn.schema.definition import Schema
from churn.schema.json_text import Json
from churn.schema.reading import FILE_NAME
from churn.schema.record import MISSING_CATEGORY, RECORD_VERSION, Customer, RecordValidator
from churn.schema.stored import schema_of
from churn.stored_files import ModelFile

GOLDEN_TOLERANCE = 1e-5
"""How far a golden prediction may be off: builds of ONNX Runtime differ by float32 rounding, a wrong model by more."""

_ONNX, _CARD, _GOLDEN = ModelFile.ONNX.path, ModelFile.CARD.path, ModelFile.GOLDEN.path
_FILES = (_ONNX, _CARD, _GOLDEN)
_OPTIONAL = (FILE_NAME, REASONS_FILE)  # models stored before these had none
SERVED_FILES = (*_FILES, *_OPTIONAL)
_UNREADABLE = (KeyError, TypeError, ValueError, IndexError)  # what a damaged document leads to


class Scorer:
    """One model, ready to score. Immutable, safe to share between threads.

    Attributes:
        tag: BentoML tag `name:version`, reported with every prediction.
        threshold: the probability in [0, 1] from which a customer counts as churning.
        card: what `card.json` says of the model.
        schema: of the table that it was trained on.
        validator: validates the records of that schema.
        known: of each category, the texts that training saw, and None.
        explainer: of its predictions; None for a model that was stored without reasons.

    """

    def __init__(
        self, tag: str, onnx: bytes, card: dict[str, Any], schema: Schema, reasons: dict[str, Any] | None = None
    ) -> None:
        """Build the ONNX Runtime session, the validator, and of the content of `reasons.json` the explainer.

        Raises:
            ModelInvalid: the card is of another version, the ONNX graph cannot be loaded or has other inputs, or the
                reasons are of another form.
        """
        self.tag = tag
        self.card = card
        self.schema = schema
        self.validator = RecordValidator(schema)
        _check_version(tag, card)
        try:
            self.threshold = float(card["threshold"])
            rare = card.get("rare_categories", {})
            known = [
                frozenset([*card["categories"][name], *rare.get(name, ()), None]) for name in schema.category_names
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise ModelInvalid(f"model {tag}: card.json lacks or garbles {error}; {CURE}") from None
        self.known = known
        self._numbers = _values(schema.number_names)
        self._categories = _values(schema.category_names)
        self._optional = tuple(feature.name for feature in schema.feature if feature.optional)
        self._optional_values = _values(self._optional)
        self._texts_may_be_missing = any(feature.optional for feature in schema.categories)
        self._session = make_session(tag, onnx, schema)
        self.explainer = None if reasons is None else _explainer(tag, reasons, card, schema)

    @classmethod
    def load(cls, tag: str, folder: Path) -> "Scorer":
        """Load a model from its folder in the BentoML store and ask it for its golden predictions.

        Raises:
            ModelInvalid: a file is missing or unreadable, or a golden prediction differs.
        """
        try:
            present = (name for name in SERVED_FILES if (folder / name).exists())
            return cls.from_files(tag, {name: (folder / name).read_bytes() for name in present})
        except OSError as error:
            raise ModelInvalid(f"model {tag}: {error}; {CURE}") from None

    @classmethod
    def from_files(cls, tag: str, files: Mapping[str, bytes]) -> "Scorer":
        """The same, from the contents of its files by name.

        Raises:
            ModelInvalid: a file is missing or unreadable, or a golden prediction differs.
        """
        if lacking := [name for name in _FILES if name not in files]:
            raise ModelInvalid(f"model {tag} lacks {', '.join(lacking)}; {CURE}")
        reasons = _parsed(tag, files, REASONS_FILE) if REASONS_FILE in files else None
        scorer = cls(tag, files[_ONNX], _parsed(tag, files, _CARD), schema_of(tag, files), reasons)
        scorer.check_golden(_parsed(tag, files, _GOLDEN))
        return scorer

    def score(self, customers: Sequence[Customer]) -> list[float]:
        """Probability of churn in [0, 1] for each customer, in order."""
        probabilities: list[float] = self.score_columns(*self.columns(customers)).tolist()
        return probabilities

    def columns(self, customers: Sequence[Customer]) -> tuple[Numbers, Categories]:
        """The inputs of `score_columns`."""
        count = len(customers)
        numbers = np.array([self._numbers(customer.features) for customer in customers], np.float32)
        categories = np.array([self._categories(customer.features) for customer in customers], object)
        if self._texts_may_be_missing:
            categories[~categories.astype(bool)] = MISSING_CATEGORY  # None alone: no text is empty
        return numbers.reshape(count, -1), categories.reshape(count, -1)

    def score_columns(self, numbers: Numbers, categories: Categories) -> Numbers:
        """Probabilities, shape (n,), from numbers and categories, (n, their features), columns in schema order.

        NaN is a missing number, `MISSING_CATEGORY` a missing text. A customer's is the same to the last bit, alone or
        among others.
        """
        count = max(len(numbers), len(categories))
        if count == 1:  # for one row ONNX Runtime adds in another order than for several
            numbers, categories = np.repeat(numbers, 2, axis=0), np.repeat(categories, 2, axis=0)
        inputs = {"numbers": numbers, "categories": categories}
        outputs = self._session.run(
            ["probabilities"], {name: values for name, values in inputs.items() if values.shape[1]}
        )
        probabilities: Numbers = outputs[0][:count, 1]
        return probabilities

    def explain(self, customers: Sequence[Customer]) -> list[bytes]:
        """The JSON object of `Reasons` for each customer, in order; `explainer` must be there."""
        if self.explainer is None:
            raise ValueError(f"model {self.tag} has no {REASONS_FILE}")
        rendered: list[bytes] = []
        for chunk in batched(customers, self.explainer.rows):
            contributions = self.explainer.contributions(*self.columns(chunk))
            rendered += self.explainer.render(chunk, contributions)
        return rendered

    def warnings(self, customer: Customer) -> tuple[str, ...]:
        """One sentence for each thing in a record that was not scored as it stands."""
        features = customer.features
        categories = self._categories(features)
        is_known = all(map(contains, self.known, categories))  # quicker than a loop, and nearly always so
        unseen = () if is_known else self._unseen(categories)
        if not customer.retired and (not self._optional or None not in self._optional_values(features)):
            return unseen
        missing = (missing_warning(name) for name in self._optional if features[name] is None)
        return (*unseen, *missing, *map(retired_warning, customer.retired))

    def _unseen(self, categories: Sequence[str | None]) -> tuple[str, ...]:
        return tuple(
            unseen_warning(name, value)
            for name, value, known in zip(self.schema.category_names, categories, self.known, strict=True)
            if value not in known
        )

    def check_golden(self, golden: dict[str, Any]) -> None:
        """Compare with the predictions recorded at training.

        Raises:
            ModelInvalid: a record's probability, or what its reasons add up to, is off by more than
                `GOLDEN_TOLERANCE`, or there is no record.
        """
        try:
            customers = self.validator.validate([item["customer"] for item in golden["records"]])
            probabilities = [float(item["probability"]) for item in golden["records"]]
        except (KeyError, TypeError, ValueError) as error:
            what = str(error).partition("\n")[0]
            raise ModelInvalid(f"model {self.tag}: golden.json cannot be read: {what}; {CURE}") from None
        if not customers:
            raise ModelInvalid(f"model {self.tag}: golden.json holds no record to check against; {CURE}")
        for customer, expected, probability in zip(customers, probabilities, self.score(customers), strict=True):
            if not abs(probability - expected) <= GOLDEN_TOLERANCE:
                raise ModelInvalid(
                    f"model {self.tag}: golden prediction differs: {probability:.6f} instead of {expected:.6f} "
                    f"for {customer.features}; the model is not what was trained; {CURE}"
                )
        if self.explainer is not None:
            self._check_reasons(self.explainer, customers, probabilities)

    def _check_reasons(
        self, explainer: Explainer, customers: Sequence[Customer], probabilities: Sequence[float]
    ) -> None:
        try:
            explained = explainer.probabilities(*self.columns(customers)).tolist()
        except _UNREADABLE as error:
            raise _bad_reasons(self.tag, error) from None
        for customer, expected, probability in zip(customers, probabilities, explained, strict=True):
            if not abs(probability - expected) <= GOLDEN_TOLERANCE:
                raise ModelInvalid(
                    f"model {self.tag}: reasons add up to {probability:.6f} instead of {expected:.6f} for "
                    f"{customer.features}; they are not of this model; {CURE}"
                )


def unseen_warning(name: str, value: str | None) -> str:
    """What is said of a category that training did not see."""
    return f"{name} {value!r} was not seen in training; scored as unknown"


def missing_warning(name: str) -> str:
    """What is said of an optional feature of which nothing is known."""
    return f"{name} is missing; scored as missing"


def retired_warning(name: str) -> str:
    """What is said of a field of an earlier schema."""
    return f"{name} is a field of an earlier schema; ignored"


def _values(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """What takes the values of these names, as a tuple however many there are."""
    if len(names) > 1:
        return itemgetter(*names)
    if not names:
        return lambda _: ()
    (name,) = names
    return lambda features: (features[name],)


def _parsed(tag: str, files: Mapping[str, bytes], name: str) -> Json:
    try:
        return json.loads(files[name])
    except (ValueError, RecursionError) as error:
        raise ModelInvalid(f"model {tag}: {name} cannot be read: {error}; {CURE}") from None


def _check_version(tag: str, card: dict[str, Any]) -> None:
    version = card.get("schema_version") if isinstance(card, dict) else None
    if version != RECORD_VERSION:
        raise ModelInvalid(
            f"model {tag} has schema version {version!r}, this code has {RECORD_VERSION}; "
            "retrain the model with this code, promote another model, or run the code that made it"
        )


def _explainer(tag: str, reasons: dict[str, Any], card: dict[str, Any], schema: Schema) -> Explainer:
    try:
        return Explainer(reasons, card, schema)
    except _UNREADABLE as error:
        raise _bad_reasons(tag, error) from None


def _bad_reasons(tag: str, error: Exception) -> ModelInvalid:
    return ModelInvalid(f"model {tag}: {REASONS_FILE} cannot be used: {error!r}; {CURE}")
