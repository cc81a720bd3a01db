"""Customers of a run: the rows of all its files, in order, and what scores them."""

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import joblib
import numpy as np
import pyarrow as pa

from churn.data.columns import shorten
from churn.data.validation import Problems
from churn.errors import DataError
from churn.model.scorer import Scorer
from churn.scoring.columns.table import cell_text
from churn.scoring.files.inputs import Inputs
from churn.scoring.files.pipeline import in_order
from churn.scoring.files.source import Piece, Source
from churn.scoring.table import ScoredBatch, TableScorer

type Finish = Callable[[ScoredBatch], ScoredBatch]

STOPPED = "stopped at the first rows that cannot be scored; `--on-error skip` sets them aside"


class Reject(NamedTuple):
    """A row that cannot be scored.

    Attributes:
        row: its number in the file, from 0.
        problems: what is wrong, in words, and the kind of each.
        texts: of the columns that are read.

    """

    row: int
    problems: Sequence[tuple[str, str]]
    texts: Sequence[str]


class Chunk(NamedTuple):
    """Consecutive rows of a file, scored.

    Attributes:
        source: the file.
        piece: the rows.
        scored: their scores.

    """

    source: Source
    piece: Piece
    scored: ScoredBatch

    @property
    def rejected(self) -> int:
        """How many of the rows have no score."""
        return self.piece.rows - len(self.scored.probabilities)


class Places:
    """Where a person finds rows that are asked for in order: each file is walked through once."""

    def __init__(self) -> None:
        self._source: Source | None = None
        self._walk: Iterator[int] = iter(())
        self._next = 0

    def of(self, source: Source, row: int) -> int:
        """Where a row stands, counted from 1, as `Source.unit` says."""
        if source is not self._source or row < self._next:
            self._source, self._walk, self._next = source, source.places(), 0
        place = next(islice(self._walk, row - self._next, None))
        self._next = row + 1
        return place


class Customers:
    """The rows of all files, in order.

    Args:
        inputs: the files.
        scorer: the model.
        keep: columns to carry along.
        explain: whether each row has its reasons.

    Attributes:
        scorer: of the files' tables.
        columns: those that are read.
        places: of the rows.

    Raises:
        DataError: the files lack columns, or have them with other types.

    """

    def __init__(self, inputs: Inputs, scorer: Scorer, keep: Sequence[str], *, explain: bool) -> None:
        self.inputs = inputs
        try:
            self.scorer = TableScorer(scorer, inputs.schema, keep=keep, explain=explain, decimal=inputs.decimal)
        except DataError as error:
            raise DataError(f"{inputs.given}: {error}") from None
        self.columns = self.scorer.reads
        self.places = Places()

    def scored(self, skip: int = 0, finish: Finish | None = None) -> Generator[Chunk]:
        """Score the rows, on all processors, after the first `skip`, which end where a piece ends.

        Args:
            skip: rows to leave out.
            finish: what is done with the scores of each piece, on all processors too.

        Raises:
            DataError: a file is damaged, or cannot be read.

        """

        def score(item: tuple[Source, Piece]) -> ScoredBatch:
            scored = self.scorer.score(item[1].batch)
            return finish(scored) if finish else scored

        for (source, piece), scored in in_order(score, self._pieces(skip), joblib.cpu_count()):
            yield Chunk(source, piece, scored)

    def rejects(self, chunk: Chunk) -> Iterator[Reject]:
        """The rows of a chunk that have no score, in order."""
        malformed = {row.row: row for row in chunk.piece.malformed}
        places = {int(chunk.piece.numbers()[place]): int(place) for place in np.flatnonzero(~chunk.scored.valid)}
        for row in sorted({*malformed, *places}):
            if row in malformed:
                problem = malformed[row].problem
                yield Reject(row, [(problem, problem)], [""] * len(self.columns))
            else:
                yield self._invalid(row, chunk.piece.batch, places[row])

    def _invalid(self, row: int, batch: pa.RecordBatch, place: int) -> Reject:
        problems = self.scorer.columns.problems(batch, place)
        texts = [cell_text(column, place) for column in batch.columns]
        return Reject(row, [(f"column {column}: {problem}", column) for column, problem in problems], texts)

    def refusal(self, chunk: Chunk) -> DataError:
        """The error that lists what is wrong with a chunk's rows, of which some have no score."""
        problems = Problems(chunk.source.unit)
        identifier = self.scorer.scorer.schema.identifier
        name = identifier.column if identifier else None
        place = self.columns.index(name) if name in self.columns else None
        for reject in self.rejects(chunk):
            named = "" if place is None else f"customer {shorten(reject.texts[place])}, "
            place_of_row = self.places.of(chunk.source, reject.row)
            for problem, kind in reject.problems:
                problems.add(place_of_row, f"{named}{problem}", kind)
        return DataError("\n  ".join([f"{chunk.source.path} cannot be scored:", *problems.lines(), STOPPED]))

    def _pieces(self, skip: int) -> Iterator[tuple[Source, Piece]]:
        first, done = 0, skip
        for source in self.inputs.sources:
            if source.rows is not None and first + source.rows <= skip:
                first += source.rows
                continue
            start = max(0, skip - first) if source.rows is not None or len(self.inputs.sources) == 1 else 0
            end = first
            for piece in _read(source, self.columns, self.scorer.coded, start):
                begin, end = first + piece.first, first + piece.first + piece.rows
                if end > skip:
                    if begin != done:
                        raise _in_other_pieces(source)
                    yield source, piece
                    done = end
            if source.rows is not None and end != first + source.rows:
                raise _in_other_pieces(source)
            first = end


def _in_other_pieces(source: Source) -> DataError:
    """The error that keeps rows from being left out, or scored twice, after a release that reads files otherwise."""
    return DataError(
        f"{source.path} comes in other pieces than when the parts that are there were scored; delete them, begin anew"
    )


def _read(source: Source, columns: Sequence[str], coded: Sequence[str], start: int) -> Iterator[Piece]:
    try:
        yield from source.pieces(columns, coded=coded, start=start)
    except OSError as error:
        raise DataError(f"{source.path} cannot be read: {error.strerror or error}") from None
