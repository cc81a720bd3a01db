"""Table of customers of unknown columns, read by DuckDB as texts: CSV, Parquet, or a folder of Parquet files."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import duckdb

from churn.console import Advance, reading
from churn.data.columns import shorten
from churn.data.csv_dialect import Dialect, find_dialect
from churn.data.csv_lines import check_bytes, csv_rows
from churn.data.parquet_file import is_parquet, parquet_files, parquet_table
from churn.data.validation import refuse, wrong_width
from churn.errors import DataError
from churn.files import duckdb_name
from churn.sql import NO_DOWNLOADS, keep_progress, quote_name, quote_text, run_watched

SCANS = 2
"""How often the whole file is read: for figures of all rows, and for a sample."""
MEMORY = "1GB"
"""What DuckDB takes at most; beyond that it writes to a temporary folder."""

type Type = Literal["text", "number", "boolean", "moment", "other"]

_TYPES: dict[str, Type] = {"boolean": "boolean", "date": "moment", "interval": "moment"}
_NUMBERS = ("int", "float", "double", "decimal")
_TEXTS = ("varchar", "enum", "uuid")


class Table:
    """The columns of a file as texts, NULL where a field is empty: `c0`, `c1`, ... of the view `data`.

    Attributes:
        names: of the columns, as the file has them.
        types: what Parquet says they are; in CSV all are text.
        decimal: mark of numbers in texts.
        unusual: what a person should know of how the file was read.

    """

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection, advance: Advance) -> None:
        self.path = path
        self.names: list[str]
        self.types: list[Type]
        self.decimal, self.unusual = ".", ""
        self._connection = connection
        self._advance = advance
        self._size = sum(file.stat().st_size for file in parquet_files(path))
        if is_parquet(path):
            self.names, self.types = self._open_parquet()
        else:
            dialect = find_dialect(path)
            self.names, self.decimal, self.unusual = dialect.names, dialect.decimal, dialect.unusual
            self.types = ["text"] * len(dialect.names)
            self._open_csv(dialect)
        twice = [f"column {shorten(name)} is there {n} times" for name, n in Counter(self.names).items() if n > 1]
        if twice:
            raise refuse(path, twice)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The result of a query.

        Raises:
            DataError: the file is damaged.
        """
        with self._damage_reported():
            return self._connection.execute(sql, parameters).fetchall()

    def scan(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The same for a query that reads the whole file, with a progress bar."""
        with self._damage_reported():
            run_watched(self._connection, sql, parameters, self._size, self._advance)
            return self._connection.fetchall()

    @contextmanager
    def _damage_reported(self) -> Iterator[None]:
        try:
            yield
        except (duckdb.Error, RuntimeError, UnicodeDecodeError) as error:
            raise self._damage(error) from None

    def _open_csv(self, dialect: Dialect) -> None:
        columns = {f"c{number}": "VARCHAR" for number in range(len(dialect.names))}
        options = (
            f"delim = {quote_text(dialect.delimiter)}, skip = {dialect.line - 1}, columns = {columns}, "
            "header = true, auto_detect = false, quote = '\"', escape = '\"'"
        )
        source = f"read_csv({quote_text(duckdb_name(self.path))}, {options})"
        # Spreadsheets write rows of nothing but delimiters below their tables.
        filled = f"coalesce({', '.join(columns)}) IS NOT NULL"
        self.rows(f"CREATE VIEW data AS SELECT * FROM {source} WHERE {filled}")

    def _open_parquet(self) -> tuple[list[str], list[Type]]:
        # An empty file or a text would be reported as what it is not.
        for file in parquet_files(self.path):
            with file.open("rb") as opened:
                if opened.read(4) != b"PAR1":
                    raise DataError(f"{file} is not a Parquet file: it does not begin with PAR1")
        with self._damage_reported():
            data = parquet_table(self.path, self._connection)
        types = [_type(str(kind.id)) for kind in data.types]
        fields = [_as_text(name, kind) for name, kind in zip(data.columns, types, strict=True)]
        data.project(", ".join(f"{field} AS c{number}" for number, field in enumerate(fields))).create_view("data")
        return data.columns, types

    def _damage(self, error: Exception) -> DataError:
        """The error that says where a file is damaged, as well as can be said."""
        reason = " ".join(str(error).split("\n\n")[0].split())
        if is_parquet(self.path):
            return DataError(f"{self.path} is a damaged Parquet file: {reason}")
        check_bytes(self.path)
        dialect = find_dialect(self.path)
        for line, fields in csv_rows(self.path, dialect.delimiter):
            if len(fields) != len(dialect.names) and line >= dialect.line:
                return refuse(self.path, [f"line {line}, {wrong_width(fields, len(dialect.names))[0]}"])
        return DataError(f"{self.path} cannot be read: {reason}")


@contextmanager
def opened(path: Path) -> Iterator[Table]:
    """A file's table.

    Raises:
        DataError: there is none, it is of another kind, or damaged.
    """
    try:
        size = sum(file.stat().st_size for file in parquet_files(path))
        with (
            tempfile.TemporaryDirectory() as folder,
            reading(path.name, SCANS * size) as advance,
            duckdb.connect(config=NO_DOWNLOADS | {"memory_limit": MEMORY, "temp_directory": folder}) as connection,
        ):
            keep_progress(connection)
            yield Table(path, connection, advance)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} cannot be read: {reason}") from None


def _type(name: str) -> Type:
    if name in _TEXTS:
        return "text"
    if any(part in name for part in _NUMBERS):
        return "number"
    return "moment" if name.startswith("time") else _TYPES.get(name, "other")


def _as_text(name: str, kind: Type) -> str:
    column = quote_name(name)
    if kind == "other":
        return "NULL::VARCHAR"
    if kind == "number":
        return f"CASE WHEN isfinite({column}::DOUBLE) THEN {column}::VARCHAR END"
    return f"nullif({column}::VARCHAR, '')"
