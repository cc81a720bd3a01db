"""Journal reader: its lines in a DuckDB database on disk, all of them or the newest that a window needs.

DuckDB parses on all cores in memory that is bounded whatever the size of the journal; what does not fit goes to a
temporary folder.
"""

import contextlib
import gzip
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from churn.console import Advance, ignore
from churn.errors import JournalError
from churn.files import duckdb_name
from churn.journal.files import is_compressed, size, write_readable_copy
from churn.journal.record import READABLE, FutureLines, Served, expressions, json_types
from churn.schema.record import MISSING_CATEGORY
from churn.sql import NO_DOWNLOADS, keep_progress, quote_text, run_watched

type Floats = npt.NDArray[np.float64]

MEMORY_MIB = 320
_FEATURE_MIB, _LETTER_MIB = 0.5, 0.005
"""What the limit is higher by for each feature, and for each letter of a category: DuckDB works on blocks of lines."""
_MAX_LISTED = 10_000
"""Categories of a window that are counted one by one."""


class Scan:
    """Journal lines in tables; made by `open_scan`. `moment` is microseconds since 1970 UTC.

    Table `lines`: every line that was loaded. View `readable`: those that are not broken. View `records`: those of them
    that are not later than `until`. Columns of the features as `record.feature_columns` names them; NULL is missing.
    Column `piece`: the file in `folder` that the line comes from; NULL for lines that come from a journal file itself.

    Example:
        with open_scan(latest_moment()) as scan:
            scan.load(journal_files(folder))
            scan.one("SELECT count(*) FROM records")

    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, folder: Path, until: int, served: Served | None, *, ids: bool
    ) -> None:
        self.connection = connection
        self.folder = folder
        self.until = until
        self._damaged = 0
        # With an empty file beside it no list of files is empty, whatever has been deleted since it was listed.
        self._empty = folder / "empty", folder / "empty.gz"
        self._empty[0].touch()
        self._empty[1].write_bytes(gzip.compress(b""))
        # A folder named like `probability=1` would else be taken for a column.
        files = " UNION ALL ".join(
            f"""FROM read_json(?, format = 'newline_delimited', columns = {json_types(served, ids=ids)!r},
                ignore_errors = true, compression = '{compression}', filename = true, hive_partitioning = false)"""
            for compression in ("none", "gzip")
        )
        piece = f"CASE WHEN starts_with(filename, {quote_text(str(folder))}) THEN filename END AS piece"
        self._parsed = f"FROM ({files}) SELECT {', '.join([*expressions(served, ids=ids), piece])}"
        connection.execute("SET TimeZone = 'UTC'")  # of times that name no zone
        keep_progress(connection)
        connection.execute(f"CREATE TABLE lines AS {self._parsed}", self._lists([]))
        connection.table("lines").filter(READABLE).create_view("readable")
        connection.table("readable").filter(f"moment <= {until:d}").create_view("records")

    def load(self, paths: Sequence[Path], advance: Advance = ignore) -> None:
        """Add the lines of files, compressed or not, to the tables; a file that has been deleted has none.

        Raises:
            JournalError: a file cannot be read, or the disk for temporary files is full.
        """
        try:
            self._insert(paths, advance)
        except duckdb.Error:
            # A compressed file was cut, a file deleted after all, or a line is too long for DuckDB.
            for path in paths:
                self._insert_readable(path)

    def _insert(self, paths: Sequence[Path], advance: Advance = ignore) -> None:
        query, size_of_all = f"INSERT INTO lines {self._parsed}", sum(map(size, paths))
        run_watched(self.connection, query, self._lists(paths), size_of_all, advance)

    def _insert_readable(self, path: Path) -> None:
        try:
            self._insert([path])
        except duckdb.Error:
            copy = self.folder / f"{path.name}.readable"
            if path.exists():
                self._damaged += not write_readable_copy(path, copy)
                self._insert([copy])

    def _lists(self, paths: Sequence[Path]) -> list[list[str]]:
        """Names of the files that are there: plain ones, and compressed ones."""
        packed = [path for path in paths if is_compressed(path)]
        plain = [path for path in paths if path not in packed]
        lists = [self._empty[0], *plain], [self._empty[1], *packed]
        return [[duckdb_name(path) for path in files if path.exists()] for files in lists]

    def one(self, query: str, parameters: Sequence[object] = ()) -> tuple[int, ...]:
        """The only row of a query's result."""
        row: tuple[int, ...] = self.connection.execute(query, list(parameters)).fetchall()[0]
        return row

    def broken(self) -> int:
        """Number of broken lines; where a compressed file was cut, that is one too."""
        return self.one("SELECT (SELECT count(*) FROM lines) - (SELECT count(*) FROM readable)")[0] + self._damaged

    def future(self) -> FutureLines:
        """The lines that are later than `until`."""
        query = "SELECT count(*), coalesce(max(moment), 0) FROM readable WHERE moment > ?"
        return FutureLines(*self.one(query, [self.until]))

    def newest_of_pieces(self) -> dict[str, int]:
        """Moment of the newest readable line of each piece, by its name; a piece without such a line is not in it."""
        return dict(self.connection.execute("SELECT piece, max(moment) FROM readable GROUP BY piece").fetchall())

    def drop_pieces(self, pieces: Sequence[Path]) -> None:
        """Delete the lines of pieces."""
        self.connection.execute("DELETE FROM lines WHERE list_contains(?, piece)", [[str(piece) for piece in pieces]])

    def oldest(self, model: str, last_n: int, since: int) -> int:
        """Moment of the oldest of the last n records of a model; `since` where there are fewer since then."""
        query = "SELECT moment FROM records WHERE model = ? AND moment >= ? ORDER BY 1 DESC LIMIT 1 OFFSET ?"
        found: list[tuple[int]] = self.connection.execute(query, [model, since, last_n - 1]).fetchall()
        return found[0][0] if found else since

    def cut(self, model: str, last_n: int | None, since: int) -> None:
        """Make the table `cut`: the records of a model since a moment, or the last n of them."""
        wanted = duckdb.ColumnExpression("model") == duckdb.ConstantExpression(model)
        found = self.connection.table("records").filter(wanted).filter(f"moment >= {since:d}")
        (found if last_n is None else found.order("moment DESC").limit(last_n)).create("cut")

    def others(self, model: str, since: int) -> dict[str, int]:
        """Number of records of other models since a moment, by tag."""
        query = "SELECT model, count(*) FROM records WHERE model <> ? AND moment >= ? GROUP BY 1 ORDER BY 1 LIMIT 1000"
        return dict(self.connection.execute(query, [model, since]).fetchall())

    def numbers(self, column: str) -> Floats:
        """A numeric column of `cut`, NaN where missing."""
        found = self.connection.execute(f"FROM cut SELECT coalesce({column}, 'nan'::DOUBLE) AS v").fetchnumpy()
        values: Floats = np.asarray(found["v"], dtype=np.float64)
        return values

    def categories(self, column: str) -> dict[str, int]:
        """Number of rows of each category in `cut`, most frequent first, at most 10,000 of them."""
        query = f"""FROM cut SELECT coalesce({column}, '{MISSING_CATEGORY}') AS name, count(*) AS rows
            GROUP BY 1 ORDER BY rows DESC, name LIMIT {_MAX_LISTED}"""
        return dict(self.connection.execute(query).fetchall())


@contextlib.contextmanager
def open_scan(until: int, served: Served | None = None, *, ids: bool = False) -> Iterator[Scan]:
    """Open empty tables for journal lines.

    Args:
        until: microseconds since 1970 UTC; a line dated later is no record: a clock was ahead.
        served: the model whose features are read; None: no features are.
        ids: whether to keep `request_id`, `prediction` and `threshold` too.

    Raises:
        JournalError: a file cannot be read, or the disk for temporary files is full.
    """
    with tempfile.TemporaryDirectory(prefix="churn-drift-") as folder:
        connection = duckdb.connect(
            str(Path(folder) / "journal.duckdb"),
            config=NO_DOWNLOADS
            | {
                "memory_limit": f"{_memory_mib(served)}MiB",
                "temp_directory": folder,
                "preserve_insertion_order": False,
            },
        )
        with connection:
            try:
                yield Scan(connection, Path(folder), until, served, ids=ids)
            except duckdb.Error as error:
                raise JournalError(f"the journal cannot be read: {str(error).splitlines()[0]}") from None


def _memory_mib(served: Served | None) -> int:
    if served is None:
        return MEMORY_MIB
    letters = sum(feature.max_length for feature in served.schema.categories)
    return int(MEMORY_MIB + _FEATURE_MIB * len(served.schema.feature) + _LETTER_MIB * letters)
