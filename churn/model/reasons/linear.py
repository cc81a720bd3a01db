"""SHAP values of a linear model, in closed form."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.model.reasons.levels import Levels, Texts

type Floats = npt.NDArray[np.float64]
type Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


class LinearModel:
    """Interventional SHAP values of a linear model: what a feature adds beyond its mean over the training rows.

    Lundberg and Lee, A Unified Approach to Interpreting Model Predictions (2017), corollary 1. The model is linear in
    the encoded columns; those of one feature (a number and whether it is there, a category's levels) are added up.

    Args:
        document: `slopes`, `offsets` and `missing` of the numbers: x contributes slope * x + offset, NaN contributes
            `missing`; `levels`: the contribution of each level, then of an unseen text of each category.
        levels: of the categories.

    Attributes:
        rows: customers whose contributions take 1 ms, at least.

    """

    def __init__(self, document: Mapping[str, Any], levels: Levels) -> None:
        self._slopes, self._offsets, self._missing, self._effects = (
            np.array(document[name], np.float64) for name in ("slopes", "offsets", "missing", "levels")
        )
        if len(self._effects) != levels.total:
            raise ValueError(f"{len(self._effects)} effects for {levels.total} levels")
        self._levels = levels
        self.rows = 256

    def contributions(self, numbers: Numbers, texts: Texts) -> Floats:
        """[n, numbers + categories] log-odds, of [n, numbers] and [n, categories]."""
        of_numbers = numbers * self._slopes + self._offsets
        np.copyto(of_numbers, self._missing, where=np.isnan(of_numbers))
        of_texts = self._effects.take(self._levels.places(texts))
        return np.concatenate([of_numbers, of_texts], axis=1)
