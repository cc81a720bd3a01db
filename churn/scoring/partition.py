"""Part of a table of customers that an engine hands to one of its processes: scored by itself, all of it or none."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from churn.data.columns import shorten
from churn.errors import DataError
from churn.schema.definition import Schema
from churn.scoring.columns.table import cell_text
from churn.scoring.stored_model import StoredModel
from churn.scoring.table import BATCH_ROWS, TableScorer

_SHOWN = 5


class PartScorer:
    """Scores parts of one table, in whatever order an engine has them. Pickled, it is the model's files.

    Args:
        model: scores them; made ready once in each process.
        keep: columns to carry along, beside the identifier.
        explain: whether each row has its reasons.
        decimal: mark of numbers that are written as texts; None where numbers have a type.

    Attributes:
        keep: as given.

    """

    def __init__(
        self, model: StoredModel, *, keep: Sequence[str] = (), explain: bool = False, decimal: str | None = None
    ) -> None:
        self._model = model
        self.keep = tuple(keep)
        self._explain = explain
        self._decimal = decimal

    def of_texts(self, decimal: str) -> "PartScorer":
        """The same for tables whose numbers are texts with this decimal mark."""
        return PartScorer(self._model, keep=self.keep, explain=self._explain, decimal=decimal)

    @property
    def schema(self) -> Schema:
        """The model's."""
        return self._model.scorer.schema

    def table_scorer(self, found: pa.Schema) -> TableScorer:
        """The scorer of tables with these columns.

        Raises:
            DataError: the table has not the columns that the model needs.

        """
        return TableScorer(self._model.scorer, found, keep=self.keep, explain=self._explain, decimal=self._decimal)

    def score(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Score batches of any size; each comes back as one or more, in order.

        Raises:
            DataError: a row is invalid: names the first ones of its batch, by the identifier where there is one.

        """
        scorer: TableScorer | None = None
        found: pa.Schema | None = None
        for whole in batches:
            if scorer is None or whole.schema != found:
                found = whole.schema
                scorer = self.table_scorer(found)
            for start in range(0, whole.num_rows, BATCH_ROWS):
                yield _score(scorer, whole.slice(start, BATCH_ROWS))


def needed_columns(names: Sequence[str], schema: Schema, keep: Sequence[str] = ()) -> list[str]:
    """Those of a table's columns that its scores depend on, or carry along: an engine need not move the others."""
    wanted = {feature.in_files for feature in schema.feature} | {*schema.retired, *keep}
    if schema.identifier:
        wanted.add(schema.identifier.column)
    return [name for name in names if name in wanted]


def _score(scorer: TableScorer, batch: pa.RecordBatch) -> pa.RecordBatch:
    scored = scorer.score(batch)
    if not scored.valid.all():
        invalid = np.flatnonzero(~scored.valid)[:_SHOWN]
        problems = [_problem(scorer, batch, int(row)) for row in invalid]
        raise DataError("\n  ".join(["the table cannot be scored:", *problems]))
    return scored.scores


def _problem(scorer: TableScorer, batch: pa.RecordBatch, row: int) -> str:
    """What is wrong with a row. Its number in the part would lead nobody to it, so it is named or shown."""
    column, problem = scorer.columns.problems(batch, row)[0]
    identifier = scorer.columns.schema.identifier
    if identifier and identifier.column in batch.schema.names:
        name = shorten(cell_text(batch.column(identifier.column), row))
        return f"{identifier.column} {name}, column {column}: {problem}"
    fields = (f"{name}={cell_text(batch.column(name), row)}" for name in batch.schema.names)
    return f"column {column}: {problem}; the row: {shorten(', '.join(fields), 200)}"
