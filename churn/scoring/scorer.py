"""A loaded model: customers in, probabilities out, through ONNX Runtime. No scikit-learn, no pandas, no pickle."""

import json
from collections.abc import Callable, Mapping, Sequence
from operator import contains, itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from churn.errors import ModelInvalid
from churn.schema.definition import Schema
from churn.schema.json_text import Json
from churn.schema.reading import FILE_NAME
from churn.schema.record import MISSING_CATEGORY, RECORD_VERSION, Customer, RecordValidator
from churn.schema.stored import schema_of

GOLDEN_TOLERANCE = 1e-5
"""How far a golden prediction may be off: builds of ONNX Runtime differ by float32 rounding, a wrong model by more."""

type Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
type Categories = np.ndarray[tuple[int, ...], np.dtype[np.object_]]

_FILES = ("model.onnx", "card.json", "golden.json")  # what of a model is served, beside its schema
_CURE = "retrain it, or promote another model"


class Scorer:
    """One model, ready to score. Immutable, safe to share between threads.

    Attributes:
        tag: BentoML tag `name:version`, reported with every prediction.
        threshold: the probability in [0, 1] from which a customer counts as churning.
        card: what `card.json` says of the model.
        schema: of the table that it was trained on.
        validator: validates the records of that schema.

    """

    def __init__(self, tag: str, onnx: bytes, card: dict[str, Any], schema: Schema) -> None:
        """Build the ONNX Runtime session and the validator.

        Raises:
            ModelInvalid: the card is of another version, or the ONNX graph cannot be loaded or has other inputs.
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
            raise ModelInvalid(f"model {tag}: card.json lacks or garbles {error}; {_CURE}") from None
        self._known = known
        self._numbers = _values(schema.number_names)
        self._categories = _values(schema.category_names)
        self._optional = tuple(feature.name for feature in schema.feature if feature.optional)
        self._optional_values = _values(self._optional)
        self._texts_may_be_missing = any(feature.optional for feature in schema.categories)
        self._session = _session(tag, onnx, schema)

    @classmethod
    def load(cls, tag: str, folder: Path) -> "Scorer":
        """Load a model from its folder in the BentoML store and ask it for its golden predictions.

        Raises:
            ModelInvalid: a file is missing or unreadable, or a golden prediction differs.
        """
        try:
            present = (name for name in (*_FILES, FILE_NAME) if (folder / name).exists())
            return cls.from_files(tag, {name: (folder / name).read_bytes() for name in present})
        except OSError as error:
            raise ModelInvalid(f"model {tag}: {error}; {_CURE}") from None

    @classmethod
    def from_files(cls, tag: str, files: Mapping[str, bytes]) -> "Scorer":
        """The same, from the contents of its files by name.

        Raises:
            ModelInvalid: a file is missing or unreadable, or a golden prediction differs.
        """
        if lacking := [name for name in _FILES if name not in files]:
            raise ModelInvalid(f"model {tag} lacks {', '.join(lacking)}; {_CURE}")
        scorer = cls(tag, files["model.onnx"], _parsed(tag, files, "card.json"), schema_of(tag, files))
        scorer.check_golden(_parsed(tag, files, "golden.json"))
        return scorer

    def score(self, customers: Sequence[Customer]) -> list[float]:
        """Probability of churn in [0, 1] for each customer, in order."""
        count = len(customers)
        numbers = np.array([self._numbers(customer.features) for customer in customers], np.float32)
        categories = np.array([self._categories(customer.features) for customer in customers], object)
        if self._texts_may_be_missing:
            categories[~categories.astype(bool)] = MISSING_CATEGORY  # None alone: no text is empty
        probabilities: list[float] = self.score_columns(
            numbers.reshape(count, -1), categories.reshape(count, -1)
        ).tolist()
        return probabilities

    def score_columns(self, numbers: Numbers, categories: Categories) -> Numbers:
        """Probabilities, shape (n,), from numbers and categories, (n, their features), columns in schema order.

        NaN is a missing number, `MISSING_CATEGORY` a missing text.
        """
        inputs = {"numbers": numbers, "categories": categories}
        outputs = self._session.run(
            ["probabilities"], {name: values for name, values in inputs.items() if values.shape[1]}
        )
        probabilities: Numbers = outputs[0][:, 1]
        return probabilities

    def warnings(self, customer: Customer) -> tuple[str, ...]:
        """One sentence for each thing in a record that was not scored as it stands."""
        features = customer.features
        categories = self._categories(features)
        is_known = all(map(contains, self._known, categories))  # quicker than a loop, and nearly always so
        unseen = () if is_known else self._unseen(categories)
        if not customer.retired and (not self._optional or None not in self._optional_values(features)):
            return unseen
        imputed = (f"{name} is missing; scored as missing" for name in self._optional if features[name] is None)
        retired = (f"{name} is a field of an earlier schema; ignored" for name in customer.retired)
        return (*unseen, *imputed, *retired)

    def _unseen(self, categories: Sequence[str | None]) -> tuple[str, ...]:
        return tuple(
            f"{name} {value!r} was not seen in training; scored as unknown"
            for name, value, known in zip(self.schema.category_names, categories, self._known, strict=True)
            if value not in known
        )

    def check_golden(self, golden: dict[str, Any]) -> None:
        """Compare with the predictions recorded at training.

        Raises:
            ModelInvalid: a record's probability is off by more than `GOLDEN_TOLERANCE`, or there is no record.
        """
        try:
            customers = self.validator.validate([item["customer"] for item in golden["records"]])
            probabilities = [float(item["probability"]) for item in golden["records"]]
        except (KeyError, TypeError, ValueError) as error:
            what = str(error).partition("\n")[0]
            raise ModelInvalid(f"model {self.tag}: golden.json cannot be read: {what}; {_CURE}") from None
        if not customers:
            raise ModelInvalid(f"model {self.tag}: golden.json holds no record to check against; {_CURE}")
        for customer, expected, probability in zip(customers, probabilities, self.score(customers), strict=True):
            if not abs(probability - expected) <= GOLDEN_TOLERANCE:
                raise ModelInvalid(
                    f"model {self.tag}: golden prediction differs: {probability:.6f} instead of {expected:.6f} "
                    f"for {customer.features}; the model is not what was trained; {_CURE}"
                )


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
        raise ModelInvalid(f"model {tag}: {name} cannot be read: {error}; {_CURE}") from None


def _check_version(tag: str, card: dict[str, Any]) -> None:
    version = card.get("schema_version") if isinstance(card, dict) else None
    if version != RECORD_VERSION:
        raise ModelInvalid(
            f"model {tag} has schema version {version!r}, this code has {RECORD_VERSION}; "
            "retrain the model with this code, promote another model, or run the code that made it"
        )


def _session(tag: str, onnx: bytes, schema: Schema) -> ort.InferenceSession:
    options = ort.SessionOptions()
    # One row costs about 20 us: handing it to another thread costs more, and idle pool threads spin.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - ONNX Runtime raises classes of its own, all derived from Exception only
        raise ModelInvalid(f"model {tag}: model.onnx cannot be loaded: {error}; {_CURE}") from None
    inputs = {item.name: item.shape[-1] for item in session.get_inputs()}
    widths = {"numbers": len(schema.numbers), "categories": len(schema.categories)}
    expected = {name: width for name, width in widths.items() if width}
    if inputs != expected:
        raise ModelInvalid(f"model {tag}: model.onnx takes the inputs {inputs}, its schema gives {expected}; {_CURE}")
    return session
