"""A loaded model: customers in, probabilities out, through ONNX Runtime. No scikit-learn, no pandas, no pickle."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from churn.errors import ModelInvalid
from churn.schema.json_text import Json
from churn.schema.record import CATEGORICAL_NAMES, NUMERIC_NAMES, SCHEMA_VERSION, Customer

GOLDEN_TOLERANCE = 1e-5
"""How far a golden prediction may be off: builds of ONNX Runtime differ by float32 rounding, a wrong model by more."""

type Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
type Categories = np.ndarray[tuple[int, ...], np.dtype[np.object_]]

_numbers = attrgetter(*NUMERIC_NAMES)
_categories = attrgetter(*CATEGORICAL_NAMES)
_FILES = ("model.onnx", "card.json", "golden.json")  # what of a model is served
_CURE = "retrain it, or promote another model"
_REMEMBERED = 1024  # combinations of categories; a client may send any


class Scorer:
    """One model, ready to score. Immutable, safe to share between threads.

    Attributes:
        tag: BentoML tag `name:version`, reported with every prediction.
        threshold: the probability in [0, 1] from which a customer counts as churning.
        card: what `card.json` says of the model.
        warnings: one sentence for each category, of those in schema order, that training did not see.

    """

    def __init__(self, tag: str, onnx: bytes, card: dict[str, Any]) -> None:
        """Build the ONNX Runtime session.

        Raises:
            ModelInvalid: the card is of another schema version, or the ONNX graph cannot be loaded.
        """
        self.tag = tag
        self.card = card
        _check_schema_version(tag, card)
        try:
            self.threshold = float(card["threshold"])
            known = tuple(frozenset(card["categories"][name]) for name in CATEGORICAL_NAMES)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelInvalid(f"model {tag}: card.json lacks or garbles {error}; {_CURE}") from None
        # Of a function, not of a method: a cycle through the session would never be collected (serving/worker.py).
        self.warnings = lru_cache(_REMEMBERED)(partial(_unseen, known))
        self._session = _session(tag, onnx)

    @classmethod
    def load(cls, tag: str, folder: Path) -> "Scorer":
        """Load a model from its folder in the BentoML store and ask it for its golden predictions.

        Raises:
            ModelInvalid: a file is missing or unreadable, or a golden prediction differs.
        """
        try:
            return cls.from_files(tag, {name: (folder / name).read_bytes() for name in _FILES})
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
        scorer = cls(tag, files["model.onnx"], _parsed(tag, files, "card.json"))
        scorer.check_golden(_parsed(tag, files, "golden.json"))
        return scorer

    def score(self, customers: Sequence[Customer]) -> list[float]:
        """Probability of churn in [0, 1] for each customer, in order."""
        numbers = np.array([_numbers(customer) for customer in customers], np.float32)
        categories = np.array([_categories(customer) for customer in customers], object)
        probabilities: list[float] = self.score_columns(numbers, categories).tolist()
        return probabilities

    def score_columns(self, numbers: Numbers, categories: Categories) -> Numbers:
        """Probabilities, shape (n,), from numbers (n, 3) and categories (n, 2), columns in schema order."""
        outputs = self._session.run(["probabilities"], {"numbers": numbers, "categories": categories})
        probabilities: Numbers = outputs[0][:, 1]
        return probabilities

    def check_golden(self, golden: dict[str, Any]) -> None:
        """Compare with the predictions recorded at training.

        Raises:
            ModelInvalid: a record's probability is off by more than `GOLDEN_TOLERANCE`, or there is no record.
        """
        try:
            records = [
                (Customer.model_validate(item["customer"]), float(item["probability"])) for item in golden["records"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            what = str(error).partition("\n")[0]
            raise ModelInvalid(f"model {self.tag}: golden.json cannot be read: {what}; {_CURE}") from None
        if not records:
            raise ModelInvalid(f"model {self.tag}: golden.json holds no record to check against; {_CURE}")
        actual = self.score([customer for customer, _ in records])
        for (customer, expected), probability in zip(records, actual, strict=True):
            if not abs(probability - expected) <= GOLDEN_TOLERANCE:
                raise ModelInvalid(
                    f"model {self.tag}: golden prediction differs: {probability:.6f} instead of {expected:.6f} "
                    f"for {customer.model_dump(exclude={'request_id'})}; the model is not what was trained; {_CURE}"
                )


def _parsed(tag: str, files: Mapping[str, bytes], name: str) -> Json:
    try:
        return json.loads(files[name])
    except (ValueError, RecursionError) as error:
        raise ModelInvalid(f"model {tag}: {name} cannot be read: {error}; {_CURE}") from None


def _unseen(known: tuple[frozenset[str], ...], categories: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        f"{name} {value!r} was not seen in training; scored as unknown"
        for name, value, seen in zip(CATEGORICAL_NAMES, categories, known, strict=True)
        if value not in seen
    )


def _check_schema_version(tag: str, card: dict[str, Any]) -> None:
    version = card.get("schema_version") if isinstance(card, dict) else None
    if version != SCHEMA_VERSION:
        raise ModelInvalid(
            f"model {tag} has schema version {version!r}, this code has {SCHEMA_VERSION}; "
            "retrain the model with this code, promote another model, or run the code that made it"
        )


def _session(tag: str, onnx: bytes) -> ort.InferenceSession:
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
    expected = {"numbers": len(NUMERIC_NAMES), "categories": len(CATEGORICAL_NAMES)}
    if inputs != expected:
        raise ModelInvalid(f"model {tag}: model.onnx takes the inputs {inputs}, this code gives {expected}; {_CURE}")
    return session
