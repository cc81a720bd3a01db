"""The flow of scoring files: inputs and model are found here; each row goes through the model to the output."""

import contextlib
import math
import time
from itertools import groupby
from typing import Any

import pyarrow as pa

from churn import console
from churn.cli import DONE, called_as, tell
from churn.console import Advance
from churn.errors import DataError
from churn.journal.bound import Bound
from churn.scoring.files.customers import Chunk, Customers
from churn.scoring.files.destination import Destination
from churn.scoring.files.folder import PartsFolder
from churn.scoring.files.inputs import Inputs, find_inputs
from churn.scoring.files.journal import RowJournal, record_run
from churn.scoring.files.options import Options
from churn.scoring.files.part import Part
from churn.scoring.files.ranks import FIELDS, Ranks
from churn.scoring.files.rejects import RejectsForm
from churn.scoring.files.single_file import SingleFile
from churn.scoring.files.summary import campaign_of, print_summary
from churn.scoring.files.tally import Tally
from churn.scoring.stored_model import StoredModel, load_model
from churn.scoring.table import ScoredBatch
from churn.settings import Settings


def run(options: Options, settings: Settings) -> int:
    """Score the files as asked; returns 0.

    Raises:
        NoModel: there is none to score with.
        ChurnError: an option or the input cannot be used, or the output cannot be written; it is not there, then.
    """
    started = time.monotonic()
    destination = Destination.of(options)
    inputs = find_inputs(options.given)
    read = [source.path for source in inputs.sources]
    destination.check_apart(options.given, read, rejects=options.on_error == "skip")
    with console.phase("loading the model"):
        model = load_model(options.model, settings.home)
    work = _Run(options, destination, inputs, model, settings)
    if not work.score():
        return DONE
    seconds = time.monotonic() - started
    print_summary(work.tally, destination, work.scorer, seconds, skip=options.on_error == "skip")
    record_run(settings.home, work.document, options.given, _tell)
    return DONE


class _Run:
    """One run: its customers, its output, and what was counted."""

    def __init__(
        self, options: Options, destination: Destination, inputs: Inputs, model: StoredModel, settings: Settings
    ) -> None:
        self._options = options
        self._inputs = inputs
        self.scorer = model.scorer
        self._customers = Customers(inputs, self.scorer, options.keep, explain=options.explain)
        for note in self._customers.scorer.columns.notes:
            _tell(note)
        with console.reading(f"{options.given} for its digest", inputs.size) as advance:
            self._digest = _read_digest(inputs, advance)
        self.tally = Tally(self.scorer.threshold)
        self._ranks = Ranks() if options.rank else None
        bound = Bound(settings.logs_folder, settings.journal.max_bytes)
        self._journal = RowJournal(bound, self._customers.scorer, self._digest) if options.journal else None
        self._output = self._open(destination)

    @property
    def document(self) -> dict[str, Any]:
        """The run and its counts, as JSON has them."""
        return self._description | self.tally.document(campaign_of(self.scorer))

    def score(self) -> bool:
        """Score all rows; returns False where all of them were scored already, by the run that is gone on with."""
        if isinstance(self._output, PartsFolder) and self._output.check(resume=self._options.resume):
            _tell(f"{self._options.out} is whole already; nothing was done")
            return False
        passes = 2 if self._ranks else 1
        total = None if self._inputs.rows is None else self._inputs.rows * passes
        try:
            with console.counting("scoring", total) as advance:
                if self._ranks:
                    self._rank(self._ranks, advance)
                with self._output.opened() as output:
                    self._write(output, advance)
                    self._inputs.check_unchanged()
                    output.finish(self.document)
        except OSError as error:
            raise DataError(_unwritable(self._options.out, error)) from None
        if not self._customers.scorer.carries:
            _tell("no column of the output names the customers: rows are in the input's order; --keep COLUMN adds one")
        return True

    def _write(self, output: SingleFile | PartsFolder, advance: Advance) -> None:
        whole = output.whole_parts(self.tally)
        if whole:
            _tell(f"going on after {whole:,} whole part{'s' * (whole > 1)}, {self.tally.read:,} rows")
            advance(self.tally.read)
        with contextlib.closing(
            self._customers.scored(self.tally.read, self._with_ranks if self._ranks else None)
        ) as chunks:
            number_of = _PartNumbers(whole, output.part_rows)
            for number, chunks_of_part in groupby(chunks, number_of):
                with output.part(number) as part:
                    for chunk in chunks_of_part:
                        self._add(chunk, part)
                        advance(chunk.piece.rows)
                    self._inputs.check_unchanged()
        self._check_some()

    def _add(self, chunk: Chunk, part: Part) -> None:
        if chunk.rejected:
            self._set_aside(chunk, part)
        part.scores.write(chunk.scored.scores)
        if self._journal:
            self._journal.add(chunk, self.tally.read)
        self.tally.add(chunk.scored.probabilities, chunk.rejected)

    def _with_ranks(self, scored: ScoredBatch) -> ScoredBatch:
        ranks = self._ranks.columns(scored.probabilities) if self._ranks else []
        return scored._replace(scores=pa.RecordBatch.from_arrays([*scored.scores.columns, *ranks], schema=self._schema))

    def _set_aside(self, chunk: Chunk, part: Part) -> None:
        if part.rejects is None:
            raise self._customers.refusal(chunk)
        for reject in self._customers.rejects(chunk):
            problem = "; ".join(text for text, _ in reject.problems)
            part.rejects.add(
                chunk.source.path, self._customers.places.of(chunk.source, reject.row), problem, reject.texts
            )

    def _rank(self, ranks: Ranks, advance: Advance) -> None:
        with contextlib.closing(self._customers.scored()) as chunks:
            for chunk in chunks:
                if chunk.rejected and self._options.on_error == "refuse":
                    raise self._customers.refusal(chunk)
                ranks.add(chunk.scored.probabilities)
                advance(chunk.piece.rows)
        ranks.sort()

    def _check_some(self) -> None:
        if not self.tally.read:
            raise DataError(f"{self._options.given} cannot be scored: there are columns, but no row of data")
        if not self.tally.scored:
            raise DataError(
                f"{self._options.given}: none of the {self.tally.read:,} rows can be scored; leave out `--on-error "
                "skip` to see why"
            )

    def _open(self, destination: Destination) -> SingleFile | PartsFolder:
        metadata = {f"churn.{name}": str(value) for name, value in self._description.items()}
        fields = [*self._customers.scorer.output, *(FIELDS if self._options.rank else ())]
        self._schema = pa.schema(fields, metadata)
        rejects = RejectsForm(self._inputs.sources[0].unit, self._customers.columns)
        skip = self._options.on_error == "skip"
        if not destination.is_folder:
            return SingleFile(destination, self._schema, rejects if skip else None)
        asked = {name: getattr(self._options, name) for name in ("keep", "explain", "rank")}
        run = self._description | asked | {"keep": list(self._options.keep), "format": destination.form}
        return PartsFolder(destination, self._schema, rejects, skip=skip, run=run)

    @property
    def _description(self) -> dict[str, Any]:
        return {
            "model_version": self.scorer.tag,
            "schema_sha256": self.scorer.schema.digest,
            "input_sha256": self._digest,
            "threshold": self.scorer.threshold,
        }


class _PartNumbers:
    """The number of the part that a chunk belongs to: a part ends with the chunk that fills it."""

    def __init__(self, first: int, rows: int | None) -> None:
        self._number = first
        self._rows = math.inf if rows is None else rows
        self._filled = 0

    def __call__(self, chunk: Chunk) -> int:
        if self._filled >= self._rows:
            self._number += 1
            self._filled = 0
        self._filled += chunk.piece.rows
        return self._number


def _read_digest(inputs: Inputs, advance: Advance) -> str:
    try:
        return inputs.digest(advance)
    except OSError as error:
        raise DataError(f"{inputs.given} cannot be read: {error.strerror or error}") from None


def _unwritable(out: str, error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"--out {out} cannot be written: {reason}; make room, or choose another place"


def _tell(text: str) -> None:
    tell(called_as(), text)
