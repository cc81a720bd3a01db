"""The whole journal in a DuckDB database on disk: for windows too large, or too far back, for `tail`.

DuckDB parses on all cores in memory that is bounded whatever the size of the journal; what does not fit goes
to a temporary folder.
"""

import contextlib
import gzip
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from churn.errors import JournalError
from churn.file_kind import duckdb_name
from churn.journal.record import EARLIEST, JOURNAL_TIME, LATEST, FutureLines
from churn.journal.tail import is_compressed, unpack
from churn.schema.record import CATEGORICAL_NAMES, FEATURE_NAMES, MISSING_CATEGORY, NUMERIC_NAMES

type Floats = npt.NDArray[np.float64]
type Progress = Callable[[float], None]
"""Told from time to time what percentage of the work is done."""

MEMORY = "320MiB"
_POLL_SECONDS = 0.1
_ANY_TIME = int(np.iinfo(np.int64).min)
_MAX_LISTED = 10_000
"""Categories of a window that are told apart."""


class Scan:
    """A journal read into tables; made by `scan_journal`. `moment` is microseconds since 1970 UTC.

    Table `lines`: every line. View `readable`: those that are not broken. View `records`: those of them that are not
    later than `until`. Column per feature; NULL is missing.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, until: int, damaged_files: int) -> None:
        self.connection = connection
        self.until = until
        self._damaged_files = damaged_files

    def one(self, query: str, parameters: Sequence[object] = ()) -> tuple[int, ...]:
        """The only row that a query gives."""
        row: tuple[int, ...] = self.connection.execute(query, list(parameters)).fetchall()[0]
        return row

    def broken(self) -> int:
        """How many lines are broken; where a compressed file was cut, that is one too."""
        lines = self.one("SELECT (SELECT count(*) FROM lines) - (SELECT count(*) FROM readable)")[0]
        return lines + self._damaged_files

    def future(self) -> FutureLines:
        """The lines that are later than `until`."""
        query = "SELECT count(*), coalesce(max(moment), 0) FROM readable WHERE moment > ?"
        return FutureLines(*self.one(query, [self.until]))

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
def scan_journal(
    paths: Sequence[Path], until: int, progress: Progress | None = None, *, ids: bool = False
) -> Iterator[Scan]:
    """Read journal files whole.

    Args:
        paths: the files, compressed or not; at least one.
        until: microseconds since 1970 UTC; a line of later is no record: a clock was ahead.
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
                damaged = _load(connection, paths, Path(folder), ids, progress)
                connection.execute(_READABLE)
                connection.execute(f"CREATE VIEW records AS SELECT * FROM readable WHERE moment <= {int(until)}")  # noqa: S608 - a number
            except duckdb.Error as error:
                raise JournalError(f"the journal cannot be read: {str(error).splitlines()[0]}") from None
            yield Scan(connection, until, damaged)


def _load(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[Path], folder: Path, ids: bool, progress: Progress | None
) -> int:
    """Make the table `lines`; returns how many compressed files were cut, of which what is there was read."""
    packed = [path for path in paths if is_compressed(path)]
    plain = [path for path in paths if path not in packed]
    # With an empty file beside it no list is empty, whatever has been deleted since it was listed.
    empty = folder / "empty", folder / "empty.gz"
    empty[0].touch()
    empty[1].write_bytes(gzip.compress(b""))

    def load(plain: Sequence[Path], packed: Sequence[Path]) -> None:
        lists = [empty[0], *plain], [empty[1], *packed]
        there: list[object] = [[duckdb_name(path) for path in files if path.exists()] for files in lists]
        _watched(connection, _loading(ids), there, progress)

    try:
        load(plain, packed)
    except duckdb.Error:
        if not packed and all(path.exists() for path in paths):
            raise
        # A compressed file was cut, or a file deleted after all.
        unpacked = [unpack(path, folder) for path in packed]
        load([*plain, *(path for path, _ in unpacked)], [])
        return sum(not whole for _, whole in unpacked)
    return 0


def _loading(ids: bool) -> str:
    """The query that loads lines from two lists of files: plain ones and compressed ones, whatever they are called."""
    types = ", ".join(f"{name} JSON" for name in (*NUMERIC_NAMES, *CATEGORICAL_NAMES))
    numbers = [f"{_number(f'features.{name}')} AS {name}" for name in NUMERIC_NAMES]
    texts = [f"nullif({_text(f'features.{name}')}, '') AS {name}" for name in CATEGORICAL_NAMES]
    extra = f", {_text('request_id')} AS request_id, prediction, threshold" if ids else ""
    columns = {"model_version": "JSON", "ts": "VARCHAR", "probability": "JSON", "features": f"STRUCT({types})"}
    if ids:
        columns |= {"request_id": "JSON", "prediction": "TINYINT", "threshold": "DOUBLE"}
    # A line that is no JSON object gives NULLs, and is so counted; names and types are ours, not a client's. A
    # folder named like `probability=1` would else be taken for a column.
    files = [
        f"""FROM read_json(?, format = 'newline_delimited', columns = {columns!r}, ignore_errors = true,
                           compression = '{compression}', hive_partitioning = false)"""
        for compression in ("none", "gzip")
    ]
    return f"""
        CREATE TABLE lines AS
        SELECT {_text("model_version")} AS model, {_number("probability")} AS probability,
               CASE WHEN regexp_full_match(ts, '{JOURNAL_TIME}')
                    THEN epoch_us(try_cast(ts AS TIMESTAMPTZ)) END AS moment,
               {", ".join(numbers + texts)}{extra}
        FROM ({" UNION ALL ".join(files)})
    """  # noqa: S608


def _number(column: str) -> str:
    """A JSON column as a number, NULL where it is of another type: the JSON of a text has quotes."""
    number = f"try_cast({column}::VARCHAR AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def _text(column: str) -> str:
    """A JSON column as text, NULL where it is nested: the JSON of a text begins with a quote."""
    json = f"{column}::VARCHAR"
    return f"""CASE left({json}, 1) WHEN '"' THEN {column} ->> '$' WHEN '[' THEN NULL WHEN '{{' THEN NULL
               WHEN 'n' THEN NULL ELSE {json} END"""


_READABLE = f"""
    CREATE VIEW readable AS SELECT * FROM lines
    WHERE model IS NOT NULL AND moment BETWEEN {EARLIEST} AND {LATEST} AND probability BETWEEN 0 AND 1
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
