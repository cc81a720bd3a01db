"""Column-wise reader of customers: the values of a record, checked for whole columns at a time.

It finds which rows are invalid. What is wrong with one, in words, is for who knows where the row came from.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic_core import PydanticCustomError, PydanticKnownError

from churn.model.scorer import Scorer
from churn.model.session import Categories, Numbers
from churn.schema.category import Remembered
from churn.schema.definition import Schema
from churn.schema.feature import Feature
from churn.schema.record import MISSING_CATEGORY

type Floats = npt.NDArray[np.float64]
type Flags = npt.NDArray[np.bool_]
type Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Texts:
    """[n] texts of a category.

    Attributes:
        codes: [n] the place of each row's text in `levels`.
        levels: distinct texts in the form in which models know them; `MISSING_CATEGORY` where nothing is known.

    """

    codes: Places
    levels: npt.NDArray[np.object_]


@dataclass(frozen=True)
class CustomerColumns:
    """[n] customers.

    Attributes:
        numbers: of each integer, number and boolean, in the schema's order, [n] values; NaN where nothing is known.
        texts: of each category, in the schema's order.
        valid: [n] whether a row keeps to the schema; what is said of another one means nothing.

    """

    numbers: Sequence[Floats]
    texts: Sequence[Texts]
    valid: Flags

    @property
    def all_valid(self) -> bool:
        """Whether every row keeps to the schema."""
        return bool(self.valid.all())

    @cached_property
    def inputs(self) -> tuple[Numbers, Categories]:
        """What `Scorer.score_columns` takes."""
        rows = len(self.valid)
        numbers = np.empty((rows, len(self.numbers)), np.float32)
        for place, values in enumerate(self.numbers):
            numbers[:, place] = values
        categories = np.empty((rows, len(self.texts)), object)
        for place, texts in enumerate(self.texts):
            categories[:, place] = texts.levels[texts.codes]
        return numbers, categories

    def of(self, rows: Flags) -> "CustomerColumns":
        """The customers that [n] flags choose."""
        texts = [Texts(found.codes[rows], found.levels) for found in self.texts]
        return CustomerColumns([values[rows] for values in self.numbers], texts, self.valid[rows])

    def score(self, scorer: Scorer) -> Floats:
        """[n] probabilities of churn, each the one that `/predict` answers, to the last bit."""
        return scorer.score_columns(*self.inputs).astype(np.float64)


class ColumnReader:
    """Reads customers of one schema. Safe to share between threads.

    Args:
        schema: of the records.
        missing: texts that mean that nothing is known, exactly so.
        nan_is_missing: whether NaN means that, as pandas has it, or is refused like in JSON.

    """

    def __init__(self, schema: Schema, *, missing: Collection[str] = (), nan_is_missing: bool = False) -> None:
        self.schema = schema
        self._missing = frozenset(missing)
        self._nan_is_missing = nan_is_missing
        self._forms = {feature.name: Remembered(feature.category) for feature in schema.categories}

    def read(self, columns: Mapping[str, pa.Array], rows: int) -> CustomerColumns:
        """Read [rows] customers.

        Args:
            columns: [rows] by feature name: numbers as integers, floats or decimals, booleans as such, texts as texts
                or as a dictionary of texts. One that is not there is missing in every row.
            rows: how many there are.

        """
        valid = np.ones(rows, np.bool_)
        numbers, texts = [], []
        for feature in self.schema.numbers:
            values, known = self._numbers(columns.get(feature.name), rows)
            valid &= _in_range(feature, values)
            if not feature.optional:
                valid &= known
            if not self._nan_is_missing:
                valid &= ~(known & np.isnan(values))
            numbers.append(values)
        for feature in self.schema.categories:
            found, usable = self._texts(feature, columns.get(feature.name), rows)
            valid &= usable
            texts.append(found)
        return CustomerColumns(numbers, texts, valid)

    def _numbers(self, column: pa.Array | None, rows: int) -> tuple[Floats, Flags]:
        """Values, NaN where nothing is known, and whether something is."""
        if column is None or pa.types.is_null(column.type):
            return np.full(rows, np.nan), np.zeros(rows, np.bool_)
        known = np.ones(rows, np.bool_) if not column.null_count else column.is_valid().to_numpy(zero_copy_only=False)
        if pa.types.is_boolean(column.type):
            column = column.cast(pa.int8())
        elif pa.types.is_decimal(column.type):
            column = column.cast(pa.string())  # and so to the nearest float, which Arrow's own cast may miss
        if not pa.types.is_float64(column.type):
            column = column.cast(pa.float64(), safe=False)
        values = np.asarray(column.to_numpy(zero_copy_only=False), np.float64)
        if self._nan_is_missing:
            known = known & ~np.isnan(values)
        return values, known

    def _texts(self, feature: Feature, column: pa.Array | None, rows: int) -> tuple[Texts, Flags]:
        """Texts, and whether each may be used."""
        if column is None or pa.types.is_null(column.type):
            only = np.array([MISSING_CATEGORY], object)
            return Texts(np.zeros(rows, np.intp), only), np.full(rows, feature.optional)
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        used, codes = _compact(encoded)
        forms = [self._form(feature, text) for text in used]
        usable = np.array([form is not None for form in forms], np.bool_)
        levels = np.array([form or MISSING_CATEGORY for form in forms], object)
        return Texts(codes, levels), usable[codes]

    def _form(self, feature: Feature, text: str | bytes | None) -> str | None:
        """The form in which models know a text; None where it may not be used."""
        if isinstance(text, bytes):
            return None
        if text is None or text in self._missing:
            return MISSING_CATEGORY if feature.optional else None
        try:
            return self._forms[feature.name][text]
        except (PydanticKnownError, PydanticCustomError):
            return None


def _in_range(feature: Feature, values: Floats) -> Flags:
    """Whether each value, unless it is NaN, may be the feature's."""
    within: Flags = (feature.low <= values) & (values <= feature.high)
    if feature.kind != "number":
        within &= np.floor(values) == values
    within |= np.isnan(values)
    return within


def _compact(encoded: pa.DictionaryArray) -> tuple[list[str | bytes | None], Places]:
    """The texts that some row has, and the place among them of each row's; None for a missing one.

    Of a dictionary, which may be far longer than the column, no other text is looked at.
    """
    indices, dictionary = encoded.indices, encoded.dictionary
    size = len(dictionary)
    if indices.null_count:
        indices = pc.fill_null(indices.cast(pa.int64()), size)
    codes = indices.to_numpy(zero_copy_only=False).astype(np.intp, copy=False)
    if size <= len(codes):
        used = np.flatnonzero(np.bincount(codes, minlength=size + 1))
        place = np.zeros(size + 1, np.intp)
        place[used] = np.arange(len(used))
        codes = place[codes]
    else:
        used, codes = np.unique(codes, return_inverse=True)
    texts = _as_texts(_without_views(dictionary).take(pa.array(used[used < size])))
    return [*texts, *([None] * (len(used) - len(texts)))], codes


def _without_views(texts: pa.Array) -> pa.Array:
    """Texts of a type of which Arrow can take some: of string views it cannot."""
    return texts.cast(pa.large_string()) if pa.types.is_string_view(texts.type) else texts


def _as_texts(texts: pa.Array) -> list[str | bytes | None]:
    """Texts; as bytes where they are not in UTF-8, as files may hold them: no reader of Arrow's looks."""
    try:
        found: list[str | bytes | None] = texts.to_pylist()
    except UnicodeDecodeError:
        found = [_decoded(text) for text in texts.cast(pa.large_binary()).to_pylist()]
    return found


def _decoded(text: bytes | None) -> str | bytes | None:
    try:
        return None if text is None else text.decode()
    except UnicodeDecodeError:
        return text
