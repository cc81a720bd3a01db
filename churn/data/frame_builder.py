"""Frame of a training file, put together from its chunks, with a limit to the levels of its categories."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data import levels
from churn.data.columns import COLUMNS, known_form
from churn.schema.old_record import CATEGORICAL_FEATURES, MISSING_CATEGORY, NUMERIC_NAMES, TARGET, CategoricalFeature

type Floats = npt.NDArray[np.float64]


class TableBuilder:
    """Collects chunks; texts are kept as codes, so memory grows by a few bytes a row and column."""

    def __init__(self) -> None:
        self._rows = 0
        self._numbers: dict[str, list[Floats]] = {name: [np.empty(0)] for name in (*NUMERIC_NAMES, TARGET)}
        self._codes: dict[str, list[npt.NDArray[np.int32]]] = {
            feature.name: [np.empty(0, np.int32)] for feature in CATEGORICAL_FEATURES
        }
        self._code_of: dict[str, dict[str, int]] = {feature.name: {} for feature in CATEGORICAL_FEATURES}

    def add(self, numbers: Mapping[str, Floats], texts: Mapping[str, pd.Categorical]) -> None:
        """Append rows: each column as numbers, NaN for a missing one, or as texts as the file has them."""
        self._rows += len(numbers[TARGET])
        for name, values in self._numbers.items():
            values.append(numbers[name])
        for feature in CATEGORICAL_FEATURES:
            found = texts[feature.name]
            self._codes[feature.name].append(self._lookup(feature, found)[found.codes])

    def check_levels(self, path: Path) -> None:
        """To be called once all rows are added; raises the DataError of `levels.check_levels`."""
        levels.check_levels(path, self._rows, self._levels())

    def frame(self) -> pd.DataFrame:
        """All rows, columns `COLUMNS`.

        Numbers and target are float64 with NaN for a missing one, texts CategoricalDtype with sorted categories,
        `MISSING_CATEGORY` for a missing one.
        """
        columns = {
            name: self._categorical(name) if name in self._codes else np.concatenate(self._numbers[name])
            for name in COLUMNS
        }
        return pd.DataFrame(columns, copy=False)

    def _categorical(self, name: str) -> pd.Categorical:
        code_of = self._code_of[name]
        texts = sorted(code_of)
        position = np.argsort([code_of[text] for text in texts]).astype(np.int32)
        index: pd.Index[str] = pd.Index(texts, dtype=object)
        codes = position[np.concatenate(self._codes[name])]
        return pd.Categorical.from_codes(codes, categories=index)  # type: ignore[arg-type] # the stubs know lists only

    def _lookup(self, feature: CategoricalFeature, texts: pd.Categorical) -> npt.NDArray[np.int32]:
        """Our code of each of pandas' codes; its -1, a missing value, picks the last."""
        known = [known_form(feature, text) for text in texts.categories]
        if (texts.codes < 0).any():
            known.append(MISSING_CATEGORY)
        code_of = self._code_of[feature.name]
        return np.array([code_of.setdefault(text, len(code_of)) for text in known], np.int32)

    def _levels(self) -> dict[str, int]:
        """How many levels each category has, the missing one not counted."""
        return {name: len(code_of.keys() - {MISSING_CATEGORY}) for name, code_of in self._code_of.items()}
