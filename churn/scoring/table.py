"""Scores of a table of customers: the one function behind files, Ray and Spark.

Example:
    model = load_model()
    scored = score_table(pyarrow.table(customers), model)

"""

import difflib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pydantic_core import from_json

from churn.data.columns import shorten
from churn.errors import DataError
from churn.model.scorer import Scorer
from churn.schema.definition import Schema
from churn.scoring.columns import sentences
from churn.scoring.columns.reader import Flags, Floats
from churn.scoring.columns.records import customers_of
from churn.scoring.columns.table import TableColumns
from churn.scoring.stored_model import StoredModel

BATCH_ROWS = 65_536
_SHOWN = 5
_WITHOUT_VIEWS = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}


class ScoredBatch(NamedTuple):
    """The scores of a batch.

    Attributes:
        scores: of its valid rows, in order: the columns of `TableScorer.output`.
        probabilities: of the same rows, [valid].
        valid: of all its rows, [rows].

    """

    scores: pa.RecordBatch
    probabilities: Floats
    valid: Flags


class TableScorer:
    """Scores batches of tables of one form, by one model.

    Args:
        scorer: the model.
        found: names and types of the table's columns.
        keep: columns to carry along.
        explain: whether each row has its reasons.
        decimal: mark of numbers that are written as texts; None where numbers have a type.

    Attributes:
        columns: of the tables.
        reads: names of the columns that batches need.
        carries: whether any is carried along, the identifier among them.
        coded: those of them that may come as a dictionary of texts.
        output: names and types of the scores' columns: the identifier, where the table has one, those carried along,
            `probability`, `prediction`, `model_version`, `warnings`, and with `explain` `summary` and `reasons`.

    Raises:
        DataError: the table lacks columns, or has them with other types.

    """

    def __init__(
        self,
        scorer: Scorer,
        found: pa.Schema,
        *,
        keep: Sequence[str] = (),
        explain: bool = False,
        decimal: str | None = None,
    ) -> None:
        self.scorer = scorer
        self._carried = _carried(found, keep, scorer.schema)
        self.columns = TableColumns(found, scorer.schema, decimal=decimal, carried=self._carried)
        self.reads = list(dict.fromkeys([*self._carried, *self.columns.names]))
        self.coded = [name for name in self.columns.coded if name not in self._carried]
        features = [feature.in_files for feature in scorer.schema.feature if feature.in_files in found.names]
        self._needed = list(dict.fromkeys([*self._carried, *features]))
        self.carries = bool(self._carried)
        self._explain = explain
        self._retired = [name for name in scorer.schema.retired if name in found.names]
        if explain and scorer.explainer is None:
            raise DataError(f"model {scorer.tag} was stored without reasons; train it anew, or leave out --explain")
        fields = [found.field(name) for name in self._carried]
        fields += [pa.field("probability", pa.float64()), pa.field("prediction", pa.int8())]
        fields += [pa.field("model_version", pa.string()), pa.field("warnings", sentences.TYPE)]
        if explain:
            fields += [pa.field("summary", pa.list_(pa.string())), pa.field("reasons", pa.string())]
        self.output = pa.schema(fields)

    def score(self, batch: pa.RecordBatch) -> ScoredBatch:
        """Score the valid rows of [rows] customers."""
        found = self.columns.read(batch)
        valid = found.valid
        if not found.all_valid:
            batch = _filtered(batch.select(self._needed), pa.array(valid))
            found = self.columns.read(batch)
        probabilities = found.score(self.scorer) if batch.num_rows else np.empty(0)
        decisions = (probabilities >= self.scorer.threshold).astype(np.int8)
        arrays = [batch.column(name) for name in self._carried]
        arrays += [pa.array(probabilities), pa.array(decisions), pa.repeat(self.scorer.tag, batch.num_rows)]
        arrays.append(sentences.warning_lists(self.scorer, found, self._retired))
        if self._explain:
            reasons = self.scorer.explain(customers_of(self.scorer.schema, found))
            arrays.append(pa.array([from_json(each)["summary"] for each in reasons], pa.list_(pa.string())))
            arrays.append(pa.array(reasons, pa.binary()).cast(pa.string()))
        return ScoredBatch(pa.RecordBatch.from_arrays(arrays, schema=self.output), probabilities, valid)


def score_table(table: pa.Table, model: StoredModel, *, keep: Sequence[str] = (), explain: bool = False) -> pa.Table:
    """Score a table of customers, with the columns that training files have.

    Args:
        table: [rows] customers.
        model: of the registry: `load_model()`.
        keep: columns to carry along, beside the identifier.
        explain: whether each row has its reasons.

    Returns:
        [rows] the scores, in order: the columns of `TableScorer.output`.

    Raises:
        DataError: the table has not the columns that the model needs, or rows are invalid: names the first ones.

    """
    scorer = TableScorer(model.scorer, table.schema, keep=keep, explain=explain)
    batches: list[pa.RecordBatch] = []
    problems: list[str] = []
    row = 0
    for batch in table.to_batches(max_chunksize=BATCH_ROWS):
        scored = scorer.score(batch)
        for place in np.flatnonzero(~scored.valid)[: _SHOWN - len(problems)]:
            column, problem = scorer.columns.problems(batch, int(place))[0]
            problems.append(f"row {row + place + 1}, column {column}: {problem}")
        batches.append(scored.scores)
        row += batch.num_rows
    if problems:
        raise DataError("\n  ".join(["the table cannot be scored:", *problems]))
    return pa.Table.from_batches(batches, scorer.output)


def _filtered(batch: pa.RecordBatch, rows: pa.BooleanArray) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([_chosen(column, rows) for column in batch.columns], schema=batch.schema)


def _chosen(column: pa.Array, rows: pa.BooleanArray) -> pa.Array:
    """Some of a column's values, of the same type; of the views of Polars and DuckDB Arrow itself can choose none."""
    plain = _WITHOUT_VIEWS.get(column.type)
    return column.filter(rows) if plain is None else column.cast(plain).filter(rows).cast(column.type)


def _carried(found: pa.Schema, keep: Sequence[str], schema: Schema) -> list[str]:
    identifier = schema.identifier
    names = [identifier.column] if identifier and identifier.column in found.names else []
    names += [name for name in dict.fromkeys(keep) if name not in names]
    if unknown := [name for name in names if found.names.count(name) != 1]:
        name = unknown[0]
        why = "is there twice" if name in found.names else "is not there"
        close = difflib.get_close_matches(name, found.names, n=1) if name not in found.names else []
        hint = f"; did you mean {close[0]!r}?" if close else f"; found: {shorten(','.join(found.names), 200)}"
        raise DataError(f"column {shorten(name)} cannot be carried along: it {why}{hint}")
    own = {"probability", "prediction", "model_version", "warnings", "summary", "reasons", "rank", "tenth"}
    if taken := own.intersection(names):
        raise DataError(f"the column {min(taken)!r} cannot be carried along: the scores have one of that name")
    return names
