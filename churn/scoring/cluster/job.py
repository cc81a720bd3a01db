"""Job of scoring a table: what each of its tasks is given, and what a task does with its unit."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from churn.errors import ChurnError
from churn.scoring.cluster.csv_table import CsvForm
from churn.scoring.cluster.location import Location
from churn.scoring.cluster.unit import Unit
from churn.scoring.partition import PartScorer


class Part(NamedTuple):
    """What became of a unit.

    Attributes:
        number: of the unit, from 0.
        rows: that were scored.
        leaving: rows whose prediction is 1.
        problem: why it could not be scored, for the user; empty where it was.

    """

    number: int
    rows: int
    leaving: int
    problem: str


@dataclass(frozen=True)
class Job:
    """A table to score. Pickled, it is all that a task on another machine needs.

    Attributes:
        source: of the files.
        target: the folder of the parts.
        units: of the table, in its order.
        columns: to read.
        form: of CSV files; None of Parquet.
        scorer: of the units' rows.
        output: names and types of the scores' columns, with the metadata of each part.

    """

    source: Location
    target: Location
    units: Sequence[Unit]
    columns: Sequence[str]
    form: CsvForm | None
    scorer: PartScorer
    output: pa.Schema

    def run(self, number: int) -> Part:
        """Score a unit into its part. Done again, it makes the same file under the same name."""
        try:
            return self._write(number)
        except (ChurnError, OSError) as error:
            return Part(number, 0, 0, str(error))

    def _write(self, number: int) -> Part:
        rows = leaving = 0
        batches = self.units[number].read(self.source.files, self.columns, self.form)
        final = f"{self.target.path}/{part_name(number)}"
        # An object store shows an object when it is complete; elsewhere a name does that.
        is_object_store = not isinstance(self.target.files, fs.LocalFileSystem)
        path = final if is_object_store else f"{self.target.path}/.{part_name(number)}-{os.getpid()}-{time.time_ns()}"
        with (
            self.target.files.open_output_stream(path) as sink,
            pq.ParquetWriter(sink, self.output) as writer,
        ):
            for scores in self.scorer.score(batches):
                writer.write_batch(scores)
                rows += scores.num_rows
                leaving += pc.sum(scores.column("prediction")).as_py() or 0
        if path != final:
            self.target.files.move(path, final)
        return Part(number, rows, leaving, "")


def part_name(number: int) -> str:
    """The name of a part: in the order of names, parts are in the order of the table."""
    return f"part-{number:06}.parquet"


def with_metadata(output: pa.Schema, facts: Mapping[str, object]) -> pa.Schema:
    """The columns of the scores, and beside them which model and schema they are of, as Parquet files keep it."""
    return output.with_metadata(
        {name: json.dumps(value) if not isinstance(value, str) else value for name, value in facts.items()}
    )
