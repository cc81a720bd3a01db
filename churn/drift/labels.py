"""The truth that comes later: `request_id,churn`, joined with the journal."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from churn.drift.scan import Scan
from churn.errors import DataError

COLUMNS = ("request_id", "churn")


@dataclass(frozen=True)
class LabelCounts:
    """What became of the labels.

    Attributes:
        rows: different request ids in the file that have a label.
        matched: how many of them are in the journal.
        unknown: rows whose label is still empty.

    """

    rows: int
    matched: int
    unknown: int


def load_labels(scan: Scan, path: Path) -> LabelCounts:
    """Make the table `judged`: model, probability, prediction and churn of each prediction that has a label.

    Where a request id was used more than once with the same model, the last prediction counts.

    Args:
        scan: of the journal, with ids.
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
        CREATE TABLE judged AS
        SELECT model, request_id, arg_max(probability, moment) AS probability,
               arg_max(coalesce(prediction, (probability >= threshold)::TINYINT), moment) AS prediction,
               any_value(churn) AS churn
        FROM records JOIN truth USING (request_id)
        WHERE prediction IN (0, 1) OR threshold IS NOT NULL GROUP BY model, request_id
    """)
    known, unknown = scan.one("SELECT (SELECT count(*) FROM truth), (SELECT count(*) FROM labels WHERE churn IS NULL)")
    matched = scan.one("SELECT count(DISTINCT request_id) FROM judged")[0]
    return LabelCounts(known, matched, unknown)


def _read(scan: Scan, path: Path) -> int:
    """Make the table `labels`; returns its number of rows."""
    if not path.is_file():
        raise DataError(f"{path} is not there; --labels needs a CSV or Parquet file with {','.join(COLUMNS)}")
    parquet = path.suffix.lower() in (".parquet", ".pq")
    reader = "read_parquet(?" if parquet else "read_csv(?, header = true, all_varchar = true, delim = ','"
    # A folder named like `churn=1` would else be taken for a column.
    source = f"{reader}, hive_partitioning = false)"
    try:
        found = scan.connection.execute(f"DESCRIBE SELECT * FROM {source}", [str(path)]).fetchall()  # noqa: S608 - one of the two above
        missing = [name for name in COLUMNS if name not in {row[0] for row in found}]
        if missing:
            names = ", ".join(str(row[0]) for row in found[:10])
            raise DataError(f"{path} has no column {' and no column '.join(missing)}; it has: {names}")
        # The two columns are taken first, so that `text` is ours, not another column of the file. Ids stay as
        # they are: to the journal an id with a blank at its end is another id.
        scan.connection.execute(
            f"""
            CREATE TABLE labels AS
            SELECT request_id, text, try_cast(text AS DOUBLE) AS churn FROM (
                SELECT request_id::VARCHAR AS request_id, nullif(trim(churn::VARCHAR), '') AS text FROM {source}
            )
            """,  # noqa: S608 - the same
            [str(path)],
        )
    except duckdb.Error as error:
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    return scan.one("SELECT count(*) FROM labels")[0]


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
