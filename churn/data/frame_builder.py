"""Columns put together from the chunks of a file, whatever its format."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.columns import COLUMNS, known_form
from churn.schema.record import CATEGORICAL_FEATURES, MISSING_CATEGORY, NUMERIC_NAMES, TARGET, CategoricalFeature

type Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """What a file holds, not yet checked.

    Attributes:
        frame: the columns `COLUMNS`; numbers and target float64 with NaN for a missing one, categories
            CategoricalDtype with sorted categories, `MISSING_CATEGORY` for a missing one.
        sha256: of the bytes that were read.
        doubtful: the parser may have passed over something that only a field by field look can tell.

    """

    frame: pd.DataFrame
    sha256: str
    doubtful: bool


class TableBuilder:
    """Collects chunks; texts are kept as codes, so memory grows by a few bytes a row and column."""

    def __init__(self) -> None:
        self.numbers: dict[str, list[Floats]] = {name: [np.empty(0)] for name in (*NUMERIC_NAMES, TARGET)}
        self.texts = {feature.name: _Texts(feature) for feature in CATEGORICAL_FEATURES}

    def add(self, numbers: Mapping[str, Floats], texts: Mapping[str, pd.Categorical]) -> None:
        """Append rows: each column as numbers, NaN for a missing one, or as texts as the file has them."""
        for name, values in numbers.items():
            self.numbers[name].append(values)
        for name, categorical in texts.items():
            self.texts[name].add(categorical)

    def frame(self) -> pd.DataFrame:
        """All rows so far, in the columns' own order."""
        columns: dict[str, Floats | pd.Categorical] = {
            name: self.texts[name].values() if name in self.texts else np.concatenate(self.numbers[name])
            for name in COLUMNS
        }
        return pd.DataFrame(columns, copy=False)


class _Texts:
    def __init__(self, feature: CategoricalFeature) -> None:
        self.feature = feature
        self.code_of: dict[str, int] = {}
        self.chunks: list[npt.NDArray[np.int32]] = []

    def add(self, categorical: pd.Categorical) -> None:
        codes = [self._code(text) for text in categorical.categories]
        # pandas' code -1, a missing value, picks the last.
        lookup = np.array([*codes, self._code(MISSING_CATEGORY)] if (categorical.codes < 0).any() else codes, np.int32)
        self.chunks.append(lookup[categorical.codes])

    def _code(self, text: str) -> int:
        return self.code_of.setdefault(known_form(self.feature, text), len(self.code_of))

    def values(self) -> pd.Categorical:
        texts = sorted(self.code_of)
        position = np.empty(len(texts), np.int32)
        position[[self.code_of[text] for text in texts]] = np.arange(len(texts))
        codes = position[np.concatenate([np.empty(0, np.int32), *self.chunks])]
        index: pd.Index[str] = pd.Index(texts, dtype=object)
        return pd.Categorical.from_codes(codes, categories=index)
