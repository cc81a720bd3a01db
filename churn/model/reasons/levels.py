"""Levels of categories, numbered as the columns of the one-hot encoding."""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import getitem

import numpy as np
import numpy.typing as npt

type Texts = np.ndarray[tuple[int, ...], np.dtype[np.object_]]
type Places = npt.NDArray[np.intp]


class Levels:
    """Numbers the levels of all categories one after the other, then one for each category: an unseen text.

    Args:
        categories: the levels of each category.

    Attributes:
        seen: how many levels there are.
        total: with the unseen text of each category.
        category: [total] which category each belongs to, from 0.

    """

    def __init__(self, categories: Iterable[Sequence[str]]) -> None:
        categories = list(categories)
        starts = [0, *accumulate(map(len, categories))]
        self.seen = starts[-1]
        self.total = self.seen + len(categories)
        self.category = np.repeat(np.arange(len(categories)), list(map(len, categories)))
        self.category = np.append(self.category, np.arange(len(categories)))
        self._places = [
            _Places(zip(levels, range(start, self.seen), strict=False), self.seen + number)
            for number, (levels, start) in enumerate(zip(categories, starts, strict=False))
        ]

    def places(self, texts: Texts) -> Places:
        """[n, categories] the number of each text of [n, categories]."""
        found = [list(map(getitem, self._places, row)) for row in texts.tolist()]
        return np.array(found, np.intp).reshape(texts.shape)


class _Places(dict[str, int]):
    def __init__(self, places: Iterable[tuple[str, int]], unseen: int) -> None:
        super().__init__(places)
        self._unseen = unseen

    def __missing__(self, _: str) -> int:
        return self._unseen
