"""Folder of parts: each appears whole, and a mark says when all are there.

`_run.json`             what the run depends on; written first, compared when it is gone on with
`part-00000.parquet`    scores, in order; also .csv and .arrow
`_rejects-00000.csv`    rows of that part that were set aside, until all parts are there
`_rejects.csv`          all rows that were set aside
`_SUCCESS`              written last: `_run.json` and the counts
"""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from churn import files
from churn.errors import DataError, SettingsError
from churn.scoring.columns.reader import Floats
from churn.scoring.files.destination import Destination
from churn.scoring.files.part import Part
from churn.scoring.files.rejects import RejectsForm, count_rejects
from churn.scoring.files.single_file import as_json
from churn.scoring.files.tally import Tally
from churn.scoring.files.writers import open_writer

PART_ROWS = 2**20
"""Rows that are read for a part at least; it ends with the piece that fills it."""
RUN, SUCCESS = "_run.json", "_SUCCESS"
_PROBABILITY = "probability"


class PartsFolder:
    """Folder of parts.

    Args:
        destination: the folder.
        schema: of the scores, with its metadata.
        rejects: form of the files of rows that are set aside.
        skip: whether rows are set aside, or refused.
        run: what the bytes of the parts depend on.

    Attributes:
        part_rows: rows that are read for a part.

    """

    def __init__(
        self, destination: Destination, schema: pa.Schema, rejects: RejectsForm, *, skip: bool, run: Mapping[str, Any]
    ) -> None:
        self.part_rows: int | None = PART_ROWS
        self._destination = destination
        self._folder = destination.path
        self._schema = schema
        self._rejects = rejects
        self._skip = skip
        self._run = dict(run)

    def check(self, *, resume: bool) -> bool:
        """Look at what is in the folder; returns whether all parts are there already.

        Args:
            resume: whether parts that are whole are gone on after.

        Raises:
            SettingsError: it is not empty, and what is in it is not to be gone on with, or is of another run.
            DataError: it cannot be read.
        """
        try:
            found = sorted(path.name for path in self._folder.iterdir()) if self._folder.exists() else []
            if not set(found) - {RUN}:  # a run that ended before its first part
                (self._folder / RUN).unlink(missing_ok=True)
                return False
            if not resume:
                raise SettingsError(self._not_empty(found))
            recorded = json.loads((self._folder / RUN).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SettingsError(
                f"--resume: {self._folder} has files, but no {RUN}: it is of no run; choose another folder"
            ) from None
        except (OSError, ValueError) as error:
            raise DataError(f"{self._folder} cannot be gone on with: {error}; choose another folder") from None
        self._compare(recorded)
        return SUCCESS in found

    def _not_empty(self, found: list[str]) -> str:
        what = "holds the scores of a run that ended" if SUCCESS in found else f"has files, such as {found[0]}"
        if RUN in found and SUCCESS not in found:
            what = "holds the scores of a run that did not end; go on with it by --resume"
        return f"--out {self._folder} {what}; choose another folder, or delete it"

    def _compare(self, recorded: Mapping[str, Any]) -> None:
        differences = [
            f"{name} was {json.dumps(recorded.get(name))} and is {json.dumps(value)}"
            for name, value in self._run.items()
            if recorded.get(name) != value
        ]
        if differences:
            raise SettingsError(
                "\n  ".join(
                    [f"--resume: {self._folder} is of another run; choose another folder, or delete it:", *differences]
                )
            )

    @contextlib.contextmanager
    def opened(self) -> Iterator["PartsFolder"]:
        """The folder, without what runs that were killed have left in it.

        Raises:
            OSError: it cannot be written.
        """
        self._folder.mkdir(exist_ok=True)
        for path in files.left_overs(self._folder, "."):
            path.unlink()
        if not (self._folder / RUN).exists():
            files.write({self._folder / RUN: as_json(self._run)})
        yield self

    def whole_parts(self, tally: Tally) -> int:
        """How many parts are whole; they are counted.

        Raises:
            DataError: one is not what this wrote.
        """
        number = 0
        while (path := self._part(number)).exists():
            rejects = self._rejects_of(number)
            try:
                for probabilities in _probabilities(path):
                    tally.add(probabilities)
            except (pa.ArrowException, OSError) as error:
                reason = (str(error).splitlines() or [""])[0]
                raise DataError(f"{path} cannot be read: {reason}; delete the folder, and begin anew") from None
            tally.rejected += count_rejects(rejects) if rejects.exists() else 0
            number += 1
        return number

    @contextlib.contextmanager
    def part(self, number: int) -> Iterator[Part]:
        """A part under a temporary name; at the end, unless there was an error, it gets its own, after its rejects.

        Raises:
            OSError: it cannot be written.
        """
        with contextlib.ExitStack() as stack:
            scores = stack.enter_context(files.replacing(self._part(number)))
            rejects = None
            if self._skip:
                aside = stack.enter_context(files.replacing(self._rejects_of(number)))
                rejects = stack.enter_context(self._rejects.open(aside))
            writer = stack.enter_context(open_writer(self._destination.form, scores, self._schema))
            yield Part(writer, rejects)

    def finish(self, document: dict[str, Any]) -> None:
        """Join what was set aside, and say that all is there.

        Raises:
            OSError: it cannot be written.
        """
        parts = sorted(path for path in self._folder.iterdir() if re.fullmatch(r"_rejects-\d{5,}\.csv", path.name))
        if parts:
            with files.replacing(self._destination.rejects) as path:
                self._rejects.join(path, parts)
        files.write({self._folder / SUCCESS: as_json(document)})
        for path in parts:
            path.unlink()

    def _part(self, number: int) -> Path:
        return self._folder / f"part-{number:05d}.{self._destination.form}"

    def _rejects_of(self, number: int) -> Path:
        return self._folder / f"_rejects-{number:05d}.csv"


def _probabilities(path: Path) -> Iterator[Floats]:
    """The probabilities of a part, some at a time."""
    for batch in _batches(path):
        yield np.asarray(batch.column(_PROBABILITY), np.float64)


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(columns=[_PROBABILITY])
    elif path.suffix == ".arrow":
        with pa.ipc.open_file(path) as file:
            yield from (file.get_batch(number) for number in range(file.num_record_batches))
    else:
        options = pyarrow.csv.ConvertOptions(include_columns=[_PROBABILITY], column_types={_PROBABILITY: pa.float64()})
        parsing = pyarrow.csv.ParseOptions(newlines_in_values=True)
        with pyarrow.csv.open_csv(path, parse_options=parsing, convert_options=options) as reader:
            yield from reader
