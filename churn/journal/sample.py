"""Random sample of the rows of batches, for a journal that is to hold fewer of them."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt


class RowSample:
    """Chooses rows, each with the same probability and whatever the others.

    Args:
        share: the probability, 0 to 1.
        on_left_out: callback with the number of rows of a choice that were not chosen.

    """

    def __init__(self, share: float = 1.0, on_left_out: Callable[[int], None] = lambda _: None) -> None:
        self._share = share
        self._on_left_out = on_left_out
        self._random = np.random.default_rng()

    def choose(self, rows: int) -> npt.NDArray[np.bool_] | None:
        """[rows] whether each is in the sample; None where all are."""
        if self._share >= 1:
            return None
        chosen = self._random.random(rows) < self._share
        self._on_left_out(rows - int(np.count_nonzero(chosen)))
        return chosen
