"""Source of customers: one file, whose rows are read in order, in pieces."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

PIECE_ROWS = 65_536
"""Rows of a piece at most; fewer where rows are wide."""
PIECE_BYTES = 2**26
"""What the rows of a piece should take at most."""


class Malformed(NamedTuple):
    """A row that could not be taken apart into the file's columns.

    Attributes:
        row: its number in the file, from 0.
        text: of it, as it stands, or its beginning.
        problem: what is wrong, in words.

    """

    row: int
    text: str
    problem: str


class Piece(NamedTuple):
    """Consecutive rows of a file.

    Attributes:
        first: number of the first row in the file, from 0.
        rows: how many there are, malformed ones included.
        batch: those that are not malformed.
        malformed: the others.

    """

    first: int
    rows: int
    batch: pa.RecordBatch
    malformed: Sequence[Malformed] = ()

    def numbers(self) -> npt.NDArray[np.int64]:
        """[rows of the batch] their numbers in the file, from 0."""
        all_rows = np.arange(self.first, self.first + self.rows)
        return (
            np.setdiff1d(all_rows, [row.row for row in self.malformed], assume_unique=True)
            if self.malformed
            else all_rows
        )


class Source(Protocol):
    """One file of customers.

    Attributes:
        path: of the file.
        unit: what `places` counts.
        schema: names and types of its columns: texts are `string`, whatever kind of text the file holds; of a CSV file
            all are texts.
        decimal: mark of the numbers of a file of texts; None where numbers have a type.
        rows: how many there are, where the file says so; None where it does not.
        size: of the file, in bytes.

    """

    path: Path
    unit: Literal["line", "row"]
    schema: pa.Schema
    decimal: str | None
    rows: int | None
    size: int

    def pieces(self, columns: Sequence[str], *, coded: Collection[str] = (), start: int = 0) -> Iterator[Piece]:
        """Read these columns of all rows, in order; pieces have the same borders each time the file is read.

        Args:
            columns: their names, in the order in which batches have them.
            coded: those texts that come as `dictionary<int32, string>`, which takes less time where few are distinct.
            start: the first row of a piece: those before it are left out.

        Raises:
            DataError: the file is damaged or cut off.
            OSError: it cannot be read.

        """
        ...

    def places(self) -> Iterator[int]:
        """Where a person finds each row, counted from 1: of CSV the line on which it begins, as an editor shows it."""
        ...
