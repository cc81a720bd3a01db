"""Delayed ground truth: labels `request_id,churn`, joined with the journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched
from pathlib import Path

import duckdb
import pandas as pd

from churn.data.csv_lines import UNIT, check_bytes, csv_records, find_header
from churn.data.parquet_file import ID, LABEL, check_magic, check_types, damage_reported
from churn.data.validation import Problems, refuse, wrong_width
from churn.errors import DataError
from churn.files import duckdb_name
from churn.journal.scan import Scan
from churn.schema.definition import Schema

COLUMNS = ("request_id", "churn")
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


def load_labels(scan: Scan, path: Path, schema: Schema) -> LabelCounts:  # noqa: ARG001 - to be used by its reader
    """Make the table `labelled`: model, probability, prediction and churn of each prediction that has a label.

    Where a request id was used more than once with the same model, the last prediction counts.

    Args:
        scan: the journal, loaded with ids.
        path: CSV (UTF-8, with a heading) or Parquet.

    Raises:
        DataError: the file cannot be read, lacks a column, holds a label that is not 0 or 1, or two
            different labels for one request.
    """
    rows = _read(scan, path)
    if not rows:
        raise DataError(f"{path} has no labels; it needs rows of {','.join(COLUMNS)}")
    _check(scan, path)
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


def _read(scan: Scan, path: Path) -> int:
    """Make the table `labels`; returns its number of rows."""
    try:
        if not path.is_file():
            why = "is a folder" if path.is_dir() else "is not a file" if path.exists() else "is not there"
            raise DataError(f"{path} {why}; --labels needs a CSV or Parquet file with {','.join(COLUMNS)}")
        if path.suffix.lower() in (".parquet", ".pq"):
            _read_parquet(scan, path)
        else:
            _read_csv(scan, path)
    except UnicodeDecodeError:
        check_bytes(path)
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    except duckdb.Error as error:  # the disk for temporary files is full
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    return scan.one("SELECT count(*) FROM labels")[0]


def _read_parquet(scan: Scan, path: Path) -> None:
    check_magic(path, COLUMNS)
    with damage_reported(path):
        # A folder named like `churn=1` would else be taken for a column.
        data = scan.connection.read_parquet(duckdb_name(path), hive_partitioning=False)
        _check_names(path, data.columns)
        check_types(path, data, {"request_id": ID, "churn": LABEL})
        data.create_view("labels_file")
        _make_labels(scan, "labels_file")


def _read_csv(scan: Scan, path: Path) -> None:
    header = find_header(path, COLUMNS)
    if problems := header.separator_problems():
        raise refuse(path, [f"line {header.line}, {problem}" for problem in problems])
    _check_names(path, header.names)
    # The names are ours: a file may have one twice, or none.
    ours = {header.names.index(name): name for name in COLUMNS}
    columns = {ours.get(number, f"c{number}"): "VARCHAR" for number in range(len(header.names))}
    source = f"""read_csv(?, auto_detect = false, header = true, skip = {header.line - 1}, columns = {columns!r},
        delim = ',', quote = '"', escape = '"', compression = 'none', hive_partitioning = false)"""
    try:
        _make_labels(scan, source, duckdb_name(path))
    except duckdb.Error:
        _read_rows(scan, path, header.names)


def _read_rows(scan: Scan, path: Path, names: Sequence[str]) -> None:
    """Read row by row what DuckDB's parser does not take: a broken line, which is named, or line ends of two kinds."""
    problems = Problems(UNIT)
    places = [names.index(name) for name in COLUMNS]
    scan.connection.execute("CREATE TABLE label_rows (request_id VARCHAR, churn VARCHAR)")
    for records in batched(csv_records(path), _BATCH_ROWS):
        for line, fields in records:
            if len(fields) != len(names):
                problems.add(line, *wrong_width(fields, len(names)))
        rows = [[fields[place] for place in places] for _, fields in records if len(fields) == len(names)]
        scan.connection.register("batch", pd.DataFrame(rows, columns=list(COLUMNS), dtype=object))
        scan.connection.execute("INSERT INTO label_rows FROM batch")
    if problems.count:
        raise refuse(path, problems.lines())
    _make_labels(scan, "label_rows")


def _make_labels(scan: Scan, source: str, *parameters: str) -> None:
    # The two columns are taken first, so that `text` is ours, not another column of the file. Ids stay as
    # they are: to the journal an id with a blank at its end is another id.
    scan.connection.execute(
        f"""
        CREATE TABLE labels AS
        FROM (FROM {source} SELECT request_id::VARCHAR AS request_id, nullif(trim(churn::VARCHAR), '') AS text)
        SELECT request_id, text, try_cast(text AS DOUBLE) AS churn WHERE request_id <> '' OR text IS NOT NULL
        """,
        list(parameters),
    )


def _check_names(path: Path, names: Sequence[str]) -> None:
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise DataError(f"{path} has no column {' and no column '.join(missing)}; it has: {', '.join(names[:10])}")
    twice = [f"column {name!r} is there {names.count(name)} times" for name in COLUMNS if names.count(name) > 1]
    if twice:
        raise refuse(path, twice)


def _check(scan: Scan, path: Path) -> None:
    wrong = scan.connection.execute("""
        SELECT request_id, text, count(*) OVER () FROM labels
        WHERE text IS NOT NULL AND (churn IS NULL OR churn NOT IN (0, 1)) ORDER BY 1 LIMIT 1
    """).fetchone()
    if wrong is not None:
        raise DataError(f"{path}: churn of request_id {wrong[0]!r} is {wrong[1]!r}, not 0 or 1 ({wrong[2]} such rows)")
    twice = scan.connection.execute("""
        SELECT request_id, count(*) OVER () FROM labels WHERE churn IS NOT NULL
        GROUP BY 1 HAVING min(churn) <> max(churn) ORDER BY 1 LIMIT 1
    """).fetchone()
    if twice is not None:
        raise DataError(f"{path}: request_id {twice[0]!r} has both labels, 0 and 1 ({twice[1]} such ids); keep one")
