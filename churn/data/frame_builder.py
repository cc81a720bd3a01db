"""Frame of a training file, put together from its chunks."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.columns import Columns, known_form
from churn.data.levels import MAX_LEVELS, level_problem
from churn.data.validation import most_missing, refuse
from churn.schema.feature import Feature
from churn.schema.record import MISSING_CATEGORY

type Floats = npt.NDArray[np.float64]


class FrameBuilder:
    """Collects chunks; texts are kept as codes, so memory grows by a few bytes a row and column.

    Args:
        path: the file, for messages.
        columns: those of its schema.

    """

    def __init__(self, path: Path, columns: Columns) -> None:
        self._path = path
        self._columns = columns
        self._schema = columns.schema
        self._target: list[Floats] = [np.empty(0)]
        self._numbers: dict[str, list[Floats]] = {name: [np.empty(0)] for name in self._schema.number_names}
        self._codes: dict[str, list[npt.NDArray[np.int32]]] = {
            name: [np.empty(0, np.int32)] for name in self._schema.category_names
        }
        self._code_of: dict[str, dict[str, int]] = {name: {} for name in self._schema.category_names}

    def add(self, numbers: Mapping[str, Floats], texts: Mapping[str, pd.Categorical]) -> None:
        """Append rows.

        Args:
            numbers: by column of the file, those of integers and numbers: NaN for a missing one.
            texts: by column of the file, the others as the file has them.

        Raises:
            DataError: a category has far too many texts.
        """
        self._target.append(_mapped(texts[self._columns.target], self._columns.label))
        for feature in self._schema.numbers:
            booleans = feature.kind == "boolean"
            self._numbers[feature.name].append(
                _mapped(texts[feature.in_files], self._columns.boolean) if booleans else numbers[feature.in_files]
            )
        for feature in self._schema.categories:
            found_texts = texts[feature.in_files]
            self._codes[feature.name].append(self._lookup(feature, found_texts)[found_texts.codes])

    def check_levels(self) -> None:
        """Refuse what is no category.

        Raises:
            DataError: names each such column, and what to do.
        """
        rows = sum(map(len, self._target))
        found = [
            level_problem(feature.in_files, len(self._code_of[feature.name].keys() - {MISSING_CATEGORY}), rows)
            for feature in self._schema.categories
        ]
        if problems := [problem for problem in found if problem]:
            raise refuse(self._path, problems)

    def target(self) -> Floats:
        """[rows] of 0 and 1, NaN where it is neither."""
        return np.concatenate(self._target)

    def frame(self) -> pd.DataFrame:
        """The features of all rows.

        Numbers are float64 with NaN for a missing one, texts CategoricalDtype with sorted categories,
        `MISSING_CATEGORY` for a missing one.
        """
        columns = {
            name: self._categorical(name) if name in self._codes else np.concatenate(self._numbers[name])
            for name in self._schema.feature_names
        }
        return pd.DataFrame(columns, copy=False)

    def _categorical(self, name: str) -> pd.Categorical:
        code_of = self._code_of[name]
        texts = sorted(code_of)
        position = np.argsort([code_of[text] for text in texts]).astype(np.int32)
        index: pd.Index[str] = pd.Index(texts, dtype=object)
        codes = position[np.concatenate(self._codes[name])]
        return pd.Categorical.from_codes(codes, categories=index)  # type: ignore[arg-type] # the stubs know lists only

    def _lookup(self, feature: Feature, texts: pd.Categorical) -> npt.NDArray[np.int32]:
        """Our code of each of pandas' codes; its -1, a missing value, picks the last."""
        code_of, codes = self._code_of[feature.name], []
        for text in texts.categories:
            codes.append(code_of.setdefault(known_form(self._columns, feature, text), len(code_of)))
            if len(code_of) > MAX_LEVELS + 1:
                self.check_levels()
        if (texts.codes < 0).any():
            codes.append(code_of.setdefault(MISSING_CATEGORY, len(code_of)))
        return np.array(codes, np.int32)


def _mapped(texts: pd.Categorical, value: Callable[[str], float]) -> Floats:
    """The number that each text stands for; NaN for a missing one."""
    numbers: Floats = np.array([*map(value, texts.categories), np.nan])[texts.codes]
    return numbers


def is_valid(frame: pd.DataFrame, target: Floats, columns: Columns) -> bool:
    """Whether whole columns keep to the rules for their fields, and not too many values are missing."""
    return bool(
        len(target)
        and target.min() == 0  # not where there is a NaN
        and target.max() == 1
        and all(_valid(feature, frame[feature.name], columns) for feature in columns.schema.feature)
    )


def _valid(feature: Feature, values: "pd.Series[float] | pd.Series[str]", columns: Columns) -> bool:
    if feature.is_category:
        missing = int((values == MISSING_CATEGORY).sum())
        # Few distinct texts stand for many rows, so only those are checked.
        texts = (text for text in values.cat.categories if text != MISSING_CATEGORY)
        valid = all(columns.field_problem(feature.in_files, text) is None for text in texts)
    else:
        numbers: Floats = values.to_numpy(np.float64)
        known = numbers[~np.isnan(numbers)]
        missing = len(numbers) - len(known)
        valid = bool(((feature.low <= known) & (known <= feature.high)).all())
        if feature.kind == "integer":
            valid &= bool((known == np.floor(known)).all())
    return valid and missing <= most_missing(feature, len(values))
