"""Ray engine: a table of customers in files that many machines reach, scored by the tasks of a Ray cluster.

The extra `ray` brings it (`pip install 'churn-api[ray]'`), on every machine of the cluster. Machines need neither the
registry nor its volume: the model travels with the tasks.

Ray's own reader of Parquet packs row groups of files by their size, and so loses their order (2.60). Here a task is
given the number of a unit, reads it, scores it and writes the part of that number; a task that is done again, since its
machine was lost, replaces its own file. Tasks, not actors: they read, score and write without a copy in between (1.5
times the rows/s), and no actor has to come back after its machine. The model is made ready once in each process.
"""

import logging
import os
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from churn import console
from churn.errors import DataError, SettingsError
from churn.scoring.cluster import folder
from churn.scoring.cluster.csv_table import find_form
from churn.scoring.cluster.job import Job, Part, part_name, with_metadata
from churn.scoring.cluster.location import InputFile, Location, list_files, locate
from churn.scoring.cluster.unit import Unit, read_footers
from churn.scoring.files.options import Options
from churn.scoring.partition import PartScorer, needed_columns
from churn.scoring.stored_model import load_model
from churn.settings import Settings

# Read by Ray when it is imported.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
try:
    import ray
    import ray.data
except ModuleNotFoundError as error:
    raise SettingsError(f"the Ray engine is not installed ({error}): pip install 'churn-api[ray]'") from None

_STORE_BYTES = 256 * 2**20
"""Object store of a cluster of this machine alone: the model, and a few numbers of each unit."""
_ANSWER_SECONDS = 10
_SUFFIXES = {".parquet": "Parquet", ".pq": "Parquet", ".csv": "CSV", ".tsv": "CSV", ".txt": "CSV"}


def check_options(options: Options) -> None:
    """Refuse what this engine does not do.

    Raises:
        SettingsError: names the option.

    """
    others = {
        "--rank": options.rank,
        "--on-error skip": options.on_error == "skip",
        "--resume": options.resume,
        "--journal": options.journal,
        f"--format {options.form}": options.form not in (None, "parquet"),
    }
    if refused := [name for name, is_given in others.items() if is_given]:
        raise SettingsError(f"{', '.join(refused)}: --engine ray does not do that; leave it out, or the engine")
    if PurePosixPath(options.out).suffix.lower() in _SUFFIXES.keys() | {".arrow"}:
        raise SettingsError(f"--out {options.out}: --engine ray writes a folder of Parquet files; give the name of one")


def run_ray(options: Options, settings: Settings) -> int:
    """Score a table by Ray; returns the exit code 0.

    Raises:
        SettingsError: options do not go together, or no cluster answers.
        NoModel: there is none, or it cannot be used.
        DataError: the input or the output cannot be used, or a row is invalid; then there is no `_SUCCESS`.

    """
    start = time.monotonic()
    check_options(options)
    source, target = locate(options.given), locate(options.out)
    files = list_files(source)
    if any(file.path.startswith(f"{target.path}/") for file in files):
        raise SettingsError(f"--out {options.out} is a folder that is read too; choose another one")
    model = load_model(options.model, settings.home)
    scorer = PartScorer(model, keep=options.keep, explain=options.explain)
    facts: dict[str, object] = {
        "model_version": model.tag,
        "schema": {"name": model.scorer.schema.name, "digest": model.scorer.schema.digest},
        "input": options.given,
    }
    job = _plan(source, target, files, scorer, facts)
    folder.begin(target)
    with _cluster(options.address):
        parts = list(_run(job))
    rows = sum(part.rows for part in parts)
    _check(job, files, rows)
    # Their bytes are read by many machines, so these are named by what their file system says of them.
    inputs = [file._asdict() for file in files]
    folder.finish(target, {part_name(part.number) for part in parts}, {**facts, "rows": rows, "files": inputs})
    seconds = time.monotonic() - start
    leaving = sum(part.leaving for part in parts)
    sys.stdout.write(
        f"{rows:,} rows scored by {model.tag} in {seconds:.1f} s ({rows / seconds:,.0f} rows/s), {leaving:,} of them "
        f"at or above its threshold; {len(parts):,} parts in {options.out}\n"
    )
    return 0


def _plan(
    source: Location, target: Location, files: Sequence[InputFile], scorer: PartScorer, facts: dict[str, object]
) -> Job:
    """Look at the files' forms, and cut them into units."""
    kinds = {file.path: _SUFFIXES.get(PurePosixPath(file.path).suffix.lower()) for file in files}
    if others := [path for path, kind in kinds.items() if kind != kinds[files[0].path] or kind is None]:
        allowed = ", ".join(_SUFFIXES)
        raise DataError(f"{others[0]}: the Ray engine reads files of one kind, by their suffix: {allowed}")
    form = None
    if kinds[files[0].path] == "CSV":
        form = find_form(source, files)
        scorer = scorer.of_texts(form.dialect.decimal)
        schemas = [(files[0].path, form.schema)]
        units = [Unit(file.path, None, None) for file in files]
    else:
        footers = read_footers(source, files)
        schemas = [(footer.path, footer.schema) for footer in footers]
        units = [unit for footer in footers for unit in footer.units()]
    output = _output(schemas, scorer)
    columns = needed_columns(schemas[0][1].names, scorer.schema, scorer.keep)
    return Job(source, target, units, columns, form, scorer, with_metadata(output, facts))


def _output(schemas: Sequence[tuple[str, pa.Schema]], scorer: PartScorer) -> pa.Schema:
    """The columns of the scores, which must be the same of each file."""
    first, found = schemas[0]
    output = scorer.table_scorer(found).output
    for path, schema in schemas[1:]:
        if schema.equals(found):
            continue
        if needed_columns(schema.names, scorer.schema, scorer.keep) != needed_columns(
            found.names, scorer.schema, scorer.keep
        ) or not scorer.table_scorer(schema).output.equals(output):
            raise DataError(f"{path} has other columns than {first}; score it by itself")
    return output


def _run(job: Job) -> Iterator[Part]:
    """Have every unit done, and give what became of it, in order."""
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    units = ray.data.from_items(
        [{"number": number} for number in range(len(job.units))], override_num_blocks=len(job.units)
    )
    done = units.map_batches(partial(_task, job), batch_size=None, batch_format="pyarrow")
    with console.working("scoring", len(job.units)) as advance:
        for row in done.iter_rows():
            part = Part(**row)
            if part.problem:
                raise DataError(part.problem)
            advance(1)
            yield part


def _task(job: Job, numbers: pa.Table) -> pa.Table:
    return pa.Table.from_pylist([job.run(number)._asdict() for number in numbers["number"].to_pylist()])


def _check(job: Job, files: Sequence[InputFile], rows: int) -> None:
    """Whether what was scored is what was there."""
    expected = None if job.form else sum(unit.rows or 0 for unit in job.units)
    if list_files(job.source) != files or expected not in (None, rows):
        raise DataError(f"{job.source.text} changed while it was read; there is no {folder.SUCCESS}")
    if not rows:
        raise DataError(f"{job.source.text} has no rows")


@contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """A connection with a cluster, closed at the end; a cluster of this machine alone ends with it."""
    address = address or os.environ.get("RAY_ADDRESS", "local")
    local: dict[str, Any] = {
        "include_dashboard": False,
        "object_store_memory": _STORE_BYTES,
        "_node_ip_address": "127.0.0.1",
    }
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what goes wrong is raised, too
    with console.phase("connecting with Ray"):
        _check_answers(address)
        try:
            ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **(local if address == "local" else {}))
        except (ConnectionError, ValueError) as error:
            raise SettingsError(f"no Ray cluster answers at {address}: {error}") from None
    try:
        yield
    except ray.exceptions.RayError as error:
        if "No module named 'churn'" not in str(error):
            raise
        raise SettingsError(
            f"the machines of the cluster at {address} cannot import churn: install this package there, with the extra"
        ) from None
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Ask whether somebody listens at HOST:PORT: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS).close()
        except OSError as error:
            raise SettingsError(f"no Ray cluster answers at {address}: {error}") from None
