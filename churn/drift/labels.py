"""Delayed ground truth: labels, `request_id` and the target's column, joined with the journal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from pathlib import Path

import duckdb
import pandas as pd

from churn.data.columns import shorten
from churn.data.csv_dialect import Dialect, csv_records, find_dialect
from churn.data.csv_lines import UNIT
from churn.data.parquet_file import ID, LABEL, check_magic, check_types, damage_reported, target_sql
from churn.data.validation import SHOWN, Problems, refuse, wrong_width
from churn.errors import DataError
from churn.files import duckdb_name
from churn.journal.scan import Scan
from churn.schema.definition import Schema
from churn.schema.feature import REQUEST_ID
from churn.schema.target import Target

OURS = (REQUEST_ID, "label")
"""What the two columns are called here."""
_BATCH_ROWS = 50_000


@dataclass(frozen=True)
class LabelCounts:
    """Number of labels, and of those that the journal has a prediction for.

    Attributes:
        rows: different request ids in the file that have a label.
        matched: those of them that are in the journal.
        unknown: rows whose label is still empty.

    """

    rows: int
    matched: int
    unknown: int


def load_labels(scan: Scan, path: Path, schema: Schema) -> LabelCounts:
    """Make the table `labelled`: model, probability, prediction and churn of each prediction that has a label.

    Where a request id was used more than once with the same model, the last prediction counts.

    Args:
        scan: the journal, loaded with ids.
        path: CSV (UTF-8, with a heading) or Parquet, with the columns `request_id` and the schema's target.
        schema: says what that is called, and what it holds.

    Raises:
        DataError: the file cannot be read, lacks a column, holds what is no label, or two different labels for one
            request.
    """
    file = _LabelsFile(scan, path, schema.target)
    if not file.read():
        raise DataError(f"{path} has no labels; it needs rows of {','.join(file.columns)}")
    file.check()
    scan.connection.execute("""
        CREATE TABLE truth AS
        SELECT request_id, any_value(churn)::TINYINT AS churn FROM labels WHERE churn IS NOT NULL GROUP BY 1
    """)
    # A line without its own decision, of another writer, is decided by its threshold.
    scan.connection.execute("""
        CREATE TABLE labelled AS
        SELECT model, request_id, arg_max(probability, moment) AS probability,
               arg_max(coalesce(prediction, (probability >= threshold)::TINYINT), moment) AS prediction,
               any_value(churn) AS churn
        FROM records JOIN truth USING (request_id)
        WHERE prediction IN (0, 1) OR threshold IS NOT NULL GROUP BY model, request_id
    """)
    known, unknown = scan.one("SELECT (SELECT count(*) FROM truth), (SELECT count(*) FROM labels WHERE churn IS NULL)")
    matched = scan.one("SELECT count(DISTINCT request_id) FROM labelled")[0]
    return LabelCounts(known, matched, unknown)


class _LabelsFile:
    """Reads a file into the table `labels`: request_id, text and churn (NULL where the text is no label)."""

    def __init__(self, scan: Scan, path: Path, target: Target) -> None:
        self.columns = (REQUEST_ID, target.column)
        self._scan = scan
        self._path = path
        self._target = target
        self._dialect: Dialect | None = None

    def read(self) -> int:
        """Make the table; returns its number of rows."""
        path = self._path
        try:
            if not path.is_file():
                why = "is a folder" if path.is_dir() else "is not a file" if path.exists() else "is not there"
                raise DataError(f"{path} {why}; --labels needs a CSV or Parquet file with {','.join(self.columns)}")
            if path.suffix.lower() in (".parquet", ".pq"):
                self._read_parquet()
            else:
                self._read_csv()
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
        except duckdb.Error as error:  # the disk for temporary files is full
            raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
        return self._scan.one("SELECT count(*) FROM labels")[0]

    def check(self) -> None:
        """Refuse what is no label, and requests that have both."""
        wrong = self._scan.connection.execute("""
            SELECT request_id, text, count(*) OVER () FROM labels
            WHERE text IS NOT NULL AND churn IS NULL ORDER BY 1 LIMIT 1
        """).fetchone()
        if wrong is not None:
            self._refuse_lines()
            raise DataError(
                f"{self._path}: {self._target.column} of request_id {wrong[0]!r} is {wrong[1]!r}, "
                f"not {self._target.allowed} ({wrong[2]} such rows)"
            )
        twice = self._scan.connection.execute("""
            SELECT request_id, count(*) OVER () FROM labels WHERE churn IS NOT NULL
            GROUP BY 1 HAVING min(churn) <> max(churn) ORDER BY 1 LIMIT 1
        """).fetchone()
        if twice is not None:
            lines = [f"{text!r} in line {line}" for line, name, text in self._csv_labels() if name == twice[0] and text]
            where = f": {', '.join(lines[:SHOWN])}" if lines else ""
            raise DataError(
                f"{self._path}: request_id {twice[0]!r} has both labels{where} ({twice[1]} such ids); keep one"
            )

    def _refuse_lines(self) -> None:
        """Name the lines of a CSV file whose label is none; it is read again for that."""
        problems, column = Problems(UNIT), self._target.column
        for line, request_id, text in self._csv_labels():
            if text and self._target.label(text) is None:
                what = f"request_id {request_id!r}, column {column}: {shorten(text)} is not {self._target.allowed}"
                problems.add(line, what, column)
        if problems.count:
            raise refuse(self._path, problems.lines())

    def _csv_labels(self) -> Iterator[tuple[int, str, str]]:
        """Line, request id and text of each row of a CSV file; of Parquet nothing."""
        if self._dialect is not None:
            request_id, label = (self._dialect.names.index(name) for name in self.columns)
            for line, fields in csv_records(self._path, self._dialect):
                yield line, fields[request_id], fields[label].strip(" ")

    def _read_parquet(self) -> None:
        check_magic(self._path, self.columns)
        with damage_reported(self._path):
            # A folder named like `churn=1` would else be taken for a column.
            data = self._scan.connection.read_parquet(duckdb_name(self._path), hive_partitioning=False)
            self._check_names(data.columns)
            check_types(self._path, data, {REQUEST_ID: ID, self._target.column: LABEL})
            data.project(f"{REQUEST_ID}, {target_sql(data, self._target)} AS label").create_view("labels_file")
            self._make_labels("labels_file")

    def _read_csv(self) -> None:
        self._dialect = dialect = find_dialect(self._path)
        self._check_names(dialect.names)
        # The names are ours: a file may have one twice, or none.
        ours = {dialect.names.index(name): ours for name, ours in zip(self.columns, OURS, strict=True)}
        columns = {ours.get(number, f"c{number}"): "VARCHAR" for number in range(len(dialect.names))}
        source = f"""read_csv(?, auto_detect = false, header = true, skip = {dialect.line - 1}, columns = {columns!r},
            delim = {dialect.delimiter!r}, quote = '"', escape = '"', compression = 'none',
            hive_partitioning = false)"""
        try:
            self._make_labels(source, duckdb_name(self._path))
        except duckdb.Error:
            self._read_rows(dialect)

    def _read_rows(self, dialect: Dialect) -> None:
        """Read row by row what DuckDB does not take: a broken line, which is named, or line ends of two kinds."""
        problems, width = Problems(UNIT), len(dialect.names)
        places = [dialect.names.index(name) for name in self.columns]
        connection = self._scan.connection
        connection.execute("CREATE TABLE label_rows (request_id VARCHAR, label VARCHAR)")
        for records in batched(csv_records(self._path, dialect), _BATCH_ROWS):
            for line, fields in records:
                if len(fields) != width:
                    problems.add(line, *wrong_width(fields, width))
            rows = [[fields[place] for place in places] for _, fields in records if len(fields) == width]
            connection.register("batch", pd.DataFrame(rows, columns=list(OURS), dtype=object))
            connection.execute("INSERT INTO label_rows FROM batch")
        if problems.count:
            raise refuse(self._path, problems.lines())
        self._make_labels("label_rows")

    def _make_labels(self, source: str, *parameters: str) -> None:
        # Ids stay as they are: to the journal an id with a blank at its end is another id.
        connection = self._scan.connection
        connection.execute(
            f"""
            CREATE TABLE label_texts AS
            FROM (FROM {source} SELECT request_id::VARCHAR AS request_id, nullif(trim(label::VARCHAR), '') AS text)
            WHERE request_id <> '' OR text IS NOT NULL
            """,
            list(parameters),
        )
        # Labels are few texts; of a file with thousands of them, some are none anyway.
        found = connection.execute("SELECT DISTINCT text FROM label_texts WHERE text IS NOT NULL LIMIT 1000").fetchall()
        values = [(text, self._target.label(text)) for (text,) in found]
        connection.register("label_values", pd.DataFrame(values, columns=["text", "churn"], dtype=object))
        connection.execute("""
            CREATE TABLE labels AS
            SELECT request_id, text, churn::TINYINT AS churn FROM label_texts LEFT JOIN label_values USING (text)
        """)

    def _check_names(self, names: Sequence[str]) -> None:
        missing = [name for name in self.columns if name not in names]
        if missing:
            found = ", ".join(names[:10])
            raise DataError(f"{self._path} has no column {' and no column '.join(missing)}; it has: {found}")
        twice = [
            f"column {name!r} is there {names.count(name)} times" for name in self.columns if names.count(name) > 1
        ]
        if twice:
            raise refuse(self._path, twice)
