"""Ranks of all rows by their probability: exact, from four bytes a row."""

import numpy as np
import pyarrow as pa

from churn.scoring.columns.reader import Floats
from churn.scoring.files.tally import TENTHS

FIELDS = (pa.field("rank", pa.int64()), pa.field("tenth", pa.int8()))


class Ranks:
    """Ranks among the probabilities that were added; those are float32, as models give them, so no digit is lost."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ascending = np.empty(0, np.float32)

    def add(self, probabilities: Floats) -> None:
        """Add the probabilities of rows, in any order."""
        self._bytes += probabilities.astype(np.float32).tobytes()

    def sort(self) -> None:
        """Make ready for `columns`: nothing is added after."""
        self._ascending = np.frombuffer(self._bytes, np.float32)
        self._ascending.sort()

    def columns(self, probabilities: Floats) -> list[pa.Array]:
        """[n] rank: 1 has the highest probability, and equal ones share the best; and tenth: 1 to 10."""
        count = len(self._ascending)
        # Each distinct one is looked up once, in order: at random, every step would miss the processor's cache.
        distinct, place = np.unique(probabilities.astype(np.float32), return_inverse=True)
        rank = (count - np.searchsorted(self._ascending, distinct, side="right") + 1)[place]
        return [pa.array(rank, pa.int64()), pa.array(-(-rank * TENTHS // count), pa.int8())]
