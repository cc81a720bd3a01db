"""The whole journal in a DuckDB database on disk: for windows too large, or too far back, for `tail`.

DuckDB parses on all cores in memory that is bounded whatever the size of the journal; what does not fit goes
to a temporary folder.
"""

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np

from churn.drift.distribution import Floats
from churn.drift.tail import is_compressed, unpack
from churn.errors import JournalError
from churn.schema import CATEGORICAL_NAMES, FEATURE_NAMES, MISSING_CATEGORY, NUMERIC_NAMES

type Progress = Callable[[float], None]
"""Told from time to time what percentage of the work is done."""

MEMORY = "320MiB"
_POLL_SECONDS = 0.1
_ANY_TIME = int(np.iinfo(np.int64).min)
_MAX_LISTED = 10_000
"""Categories of a window that are told apart."""


class Scan:
    """A journal read into tables; made by `scan_journal`. `moment` is microseconds since 1970 UTC.

    Table `lines`: every line. View `records`: those that are not broken. Column per feature; NULL is missing.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, damaged_files: int) -> None:
        self.connection = connection
        self._damaged_files = damaged_files

    def one(self, query: str, parameters: Sequence[object] = ()) -> tuple[int, ...]:
        """The only row that a query gives."""
        row: tuple[int, ...] = self.connection.execute(query, list(parameters)).fetchall()[0]
        return row

    def broken(self) -> int:
        """How many lines are broken; where a compressed file was cut, that is one too."""
        lines = self.one("SELECT (SELECT count(*) FROM lines) - (SELECT count(*) FROM records)")[0]
        return lines + self._damaged_files

    def cut(self, model: str, last_n: int | None, since: int | None) -> None:
        """Make the table `cut`: the records of the model that are the last n, or since a moment, or both."""
        limit = "" if last_n is None else f"ORDER BY moment DESC LIMIT {int(last_n)}"
        self.connection.execute(
            f"CREATE TABLE cut AS SELECT * FROM records WHERE model = ? AND moment >= ? {limit}",  # noqa: S608 - a number
            [model, _ANY_TIME if since is None else since],
        )

    def others(self, model: str, since: int | None) -> dict[str, int]:
        """Records of other models from a moment on, or at any time, by tag."""
        query = "SELECT model, count(*) FROM records WHERE model <> ? AND moment >= ? GROUP BY 1 ORDER BY 1 LIMIT 1000"
        return dict(self.connection.execute(query, [model, _ANY_TIME if since is None else since]).fetchall())

    def numbers(self, name: str) -> Floats:
        """A numeric column of `cut`, NaN where missing."""
        column = self.connection.execute(f"SELECT coalesce({_quoted(name)}, 'nan'::DOUBLE) AS v FROM cut")  # noqa: S608 - our own name
        values: Floats = np.asarray(column.fetchnumpy()["v"], dtype=np.float64)
        return values

    def categories(self, name: str) -> dict[str, int]:
        """Rows a category in `cut`, most frequent first, at most 10,000 of them."""
        query = f"SELECT coalesce({_quoted(name)}, ?), count(*) FROM cut GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?"  # noqa: S608 - the same
        return dict(self.connection.execute(query, [MISSING_CATEGORY, _MAX_LISTED]).fetchall())


@contextlib.contextmanager
def scan_journal(paths: Sequence[Path], progress: Progress | None = None, *, ids: bool = False) -> Iterator[Scan]:
    """Read journal files whole.

    Args:
        paths: the files, compressed or not; at least one.
        progress: told how far it is.
        ids: whether to keep `request_id`, `prediction` and `threshold` too.

    Raises:
        JournalError: a file cannot be read, or the disk for temporary files is full.
    """
    with tempfile.TemporaryDirectory(prefix="churn-drift-") as folder:
        connection = duckdb.connect(
            str(Path(folder) / "journal.duckdb"),
            config={
                "memory_limit": MEMORY,
                "temp_directory": folder,
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        with connection:
            try:
                connection.execute("SET TimeZone = 'UTC'")  # of times that name no zone
                # Without these, DuckDB does not keep count of how far it is.
                connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
                damaged = _load(connection, paths, Path(folder), _loading(ids), progress)
                connection.execute(_RECORDS)
            except duckdb.Error as error:
                raise JournalError(f"the journal cannot be read: {str(error).splitlines()[0]}") from None
            yield Scan(connection, damaged)


def _load(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[Path], folder: Path, query: str, progress: Progress | None
) -> int:
    """Run the query that loads; returns how many compressed files were cut, of which what is there was read."""
    try:
        _watched(connection, query, [[str(path) for path in paths]], progress)
    except duckdb.Error:
        unpacked = [unpack(path, folder) for path in paths if is_compressed(path)]
        if not unpacked:
            raise
        plain = [path for path in paths if not is_compressed(path)] + [path for path, _ in unpacked]
        _watched(connection, query, [[str(path) for path in plain]], progress)
        return sum(not whole for _, whole in unpacked)
    return 0


def _loading(ids: bool) -> str:
    types = ", ".join([f"{name} DOUBLE" for name in NUMERIC_NAMES] + [f"{name} VARCHAR" for name in CATEGORICAL_NAMES])
    numbers = [f"CASE WHEN isfinite(features.{name}) THEN features.{name} END AS {name}" for name in NUMERIC_NAMES]
    texts = [f"nullif(features.{name}, '') AS {name}" for name in CATEGORICAL_NAMES]
    extra = ", request_id, prediction, threshold" if ids else ""
    columns = {
        "model_version": "VARCHAR",
        "ts": "VARCHAR",
        "probability": "DOUBLE",
        "features": f"STRUCT({types})",
    }
    if ids:
        columns |= {"request_id": "VARCHAR", "prediction": "TINYINT", "threshold": "DOUBLE"}
    # A line that is no JSON object gives NULLs, and is so counted; names and types are ours, not a client's.
    return f"""
        CREATE TABLE lines AS
        SELECT model_version AS model, epoch_us(try_cast(ts AS TIMESTAMPTZ)) AS moment, probability,
               {", ".join(numbers + texts)}{extra}
        FROM read_json(?, format = 'newline_delimited', columns = {columns!r}, ignore_errors = true)
    """  # noqa: S608


_RECORDS = f"""
    CREATE VIEW records AS SELECT * FROM lines
    WHERE model IS NOT NULL AND moment IS NOT NULL AND probability BETWEEN 0 AND 1
          AND ({" OR ".join(f"{name} IS NOT NULL" for name in FEATURE_NAMES)})
"""  # noqa: S608 - the schema's own names


def _watched(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: list[object], progress: Progress | None
) -> None:
    """Run a query in a thread, so that its progress can be told and Ctrl-C ends it."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            connection.execute(query, parameters)
        except BaseException as error:  # noqa: BLE001 - raised again below, in the thread that asked
            failures.append(error)

    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    try:
        done = 0.0
        while worker.is_alive():
            worker.join(_POLL_SECONDS)
            # It falls back to nothing when the query ends.
            done = max(done, connection.query_progress())
            if progress is not None:
                progress(done)
    except KeyboardInterrupt:
        connection.interrupt()
        worker.join()
        raise
    if failures:
        raise failures[0]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
