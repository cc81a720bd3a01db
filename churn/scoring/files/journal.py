"""Journal of runs, one line each, and of their rows where that is asked for."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from churn.errors import DataError
from churn.journal.bound import Bound
from churn.journal.record import journal_line
from churn.journal.writer import Journal
from churn.scoring.columns.records import customers_of
from churn.scoring.columns.table import as_text
from churn.scoring.files.customers import Chunk
from churn.scoring.responses import Scored, render, utc_now
from churn.scoring.table import TableScorer
from churn.stored_files import HomeFile

_LINES = 256
"""Lines that are written at once."""
_LONGEST_ID = 128


class RowJournal:
    """Records each scored row in the prediction journal, as `/predict` does, so that drift sees it.

    Args:
        bound: of the journal's folder.
        scorer: scores the rows.
        digest: of the input, which names rows that have no identifier of their own.

    """

    def __init__(self, bound: Bound, scorer: TableScorer, digest: str) -> None:
        self._journal = Journal(bound)
        self._scorer = scorer
        self._prefix = digest[:12]
        identifier = scorer.scorer.schema.identifier
        self._identifier = identifier.column if identifier and identifier.column in scorer.reads else None

    def add(self, chunk: Chunk, before: int) -> None:
        """Record the rows of a chunk that have a score; what was computed with others has no delay of its own: 0.

        Args:
            chunk: the rows.
            before: how many rows of the input come before them.

        Raises:
            DataError: the journal cannot be written.
        """
        scorer, scored = self._scorer.scorer, chunk.scored
        batch = chunk.piece.batch.filter(pa.array(scored.valid))
        customers = customers_of(scorer.schema, self._scorer.columns.read(batch))
        names = self._names(chunk, batch, before)
        moment = utc_now()
        lines = [
            journal_line(render(scorer, Scored(customer, name, probability), 0.0, moment))
            for customer, name, probability in zip(customers, names, scored.probabilities.tolist(), strict=True)
        ]
        try:
            for start in range(0, len(lines), _LINES):
                self._journal.append(b"".join(lines[start : start + _LINES]))
        except OSError as error:
            raise DataError(
                f"{self._journal.path} cannot be written: {error.strerror or error}; make room, or leave out --journal"
            ) from None

    def _names(self, chunk: Chunk, batch: pa.RecordBatch, before: int) -> list[str]:
        """What each row is called: its identifier, or else the input's digest and its number, from 1."""
        numbers = (chunk.piece.numbers()[chunk.scored.valid] - chunk.piece.first + before + 1).tolist()
        own = [""] * len(numbers) if self._identifier is None else map(as_text, batch[self._identifier].to_pylist())
        return [
            name if name.isprintable() and 0 < len(name) <= _LONGEST_ID else f"{self._prefix}-{number}"
            for name, number in zip(own, numbers, strict=True)
        ]


def record_run(home: Path, document: Mapping[str, Any], given: str, report: Callable[[str], None]) -> None:
    """Append a run to the journal of runs; where that cannot be written, the run stands.

    Args:
        home: folder of the journal of runs.
        document: the run and its counts.
        given: the input, as the user wrote it.
        report: is told what went wrong.

    """
    kept = ("model_version", "input_sha256", "rows", "rejected", "decisions", "mean_probability")
    line = orjson.dumps({"ts": utc_now(), "input": given} | {name: document[name] for name in kept}) + b"\n"
    path = HomeFile.RUNS.under(home)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(line)
    except OSError as error:
        report(f"{path} cannot be written: {error.strerror or error}; the scores are whole, the run is not recorded")
