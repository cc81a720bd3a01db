"""Reading training data from Parquet: the same rules as for CSV, and the row where a CSV has a line."""

from pathlib import Path

import duckdb
import pytest
from dataset_files import VALID, csv, message, parquet, read_bundled, rows_sql

from churn.data.simulation import write_simulated


def test_reads_a_parquet(tmp_path):
    dataset = read_bundled(parquet(tmp_path, rows_sql(minutes="CASE WHEN i = 3 THEN NULL ELSE 10.5 END")))
    assert dataset.frame["tenure_months"].tolist() == [float(i % 60) for i in range(100)]
    assert dataset.frame["avg_session_minutes"].isna().tolist() == [i == 3 for i in range(100)]
    assert dataset.frame["plan_type"].unique().tolist() == ["basic"]
    assert dataset.target.tolist() == [0, 1] * 50


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        (rows_sql(tenure="CASE WHEN i = 4 THEN 201 ELSE 1 END"), "row 5, column tenure_months: '201' is out of range"),
        (rows_sql(tenure="CASE WHEN i = 4 THEN 1.5 ELSE 1 END"), "row 5, column tenure_months: '1.5' is not a whole"),
        (rows_sql(minutes="CASE WHEN i = 4 THEN 'inf'::DOUBLE ELSE 1 END"), "row 5, column avg_session_minutes: 'inf'"),
        (rows_sql(plan="CASE WHEN i = 4 THEN ' ' ELSE 'a' END"), "row 5, column plan_type: ' ' is nothing but spaces"),
        (rows_sql(churn="CASE WHEN i = 4 THEN NULL ELSE i % 2 END"), "row 5, column churn: '' is a missing target"),
        (rows_sql(churn="1"), "column churn: all 100 rows hold '1'; customers who left and who stayed are needed"),
        (rows_sql(churn="i % 3"), "row 3, column churn: '2' is not a target; allowed: 0 or 1"),
        (rows_sql(tenure="'x'"), "column tenure_months: it holds VARCHAR; allowed: a number type"),
        (rows_sql(tenure="[1]"), "column tenure_months: it holds INTEGER[]; allowed: a number type"),
        (rows_sql(plan="['EU']"), "column plan_type: it holds VARCHAR[]; allowed: text"),
        (rows_sql(plan="['EU', 'AF']::VARCHAR[2]"), "column plan_type: it holds VARCHAR[]; allowed: text"),
        (rows_sql(plan="['EU'::ENUM('EU')]"), "column plan_type: it holds VARCHAR[]; allowed: text"),
        (rows_sql(plan="[['EU']]"), "column plan_type: it holds VARCHAR[][]; allowed: text"),
        (rows_sql(plan="{'VARCHAR': 'EU'}"), 'column plan_type: it holds STRUCT("VARCHAR" VARCHAR); allowed: text'),
        (rows_sql(plan="MAP {'a': 'EU'}"), "column plan_type: it holds MAP(VARCHAR, VARCHAR); allowed: text"),
        (rows_sql(plan="union_value(k := 'EU')"), "column plan_type: it holds STRUCT("),
        (rows_sql(plan="'[1]'::JSON"), "column plan_type: it holds JSON; allowed: text"),
        (
            rows_sql(tenure="{'INTEGER': 1}"),
            'column tenure_months: it holds STRUCT("INTEGER" INTEGER); allowed: a number',
        ),
        (rows_sql(minutes="[1.5::DECIMAL(4, 1)]"), "column avg_session_minutes: it holds DECIMAL(4,1)[]; allowed"),
        (rows_sql(plan="1.5"), "column plan_type: it holds DECIMAL(2,1); allowed: text or whole numbers"),
        (rows_sql(churn="[i % 2]"), "column churn: it holds BIGINT[]; allowed: text, a number or a boolean"),
        (rows_sql(plan="CASE WHEN i < 6 THEN NULL ELSE 'a' END"), "column plan_type: 6.0% of the values are missing"),
        (rows_sql(rows=0), "there are columns, but no row of data"),
        ("SELECT 1 AS tenure", "column 'tenure_months' is missing"),
    ],
)
def test_parquet_names_row_column_and_value(tmp_path, select, expected):
    assert expected in message(parquet(tmp_path, select))


def test_parquet_that_is_none(tmp_path):
    whole = parquet(tmp_path, rows_sql()).read_bytes()
    assert "is cut off" in message(csv(tmp_path, whole[: len(whole) // 2], "half.parquet"))
    assert "is cut off" in message(csv(tmp_path, whole[:-1], "short.parquet"))
    assert "is not a Parquet file" in message(csv(tmp_path, VALID, "csv.parquet"))
    assert "is empty" in message(csv(tmp_path, b"", "empty.parquet"))
    damaged = whole[:-12] + b"\xff" * 4 + whole[-8:]
    assert "is a damaged Parquet file" in message(csv(tmp_path, damaged, "damaged.parquet"))


def test_parquet_name_is_no_pattern(tmp_path):
    """DuckDB would take these for patterns of names, or for a column that the folder's name holds."""
    folder = tmp_path / "churn=1"
    folder.mkdir()
    for name in ("a*.parquet", "b[1].parquet", "what?.parquet", "it's.parquet"):
        path = folder / name
        path.write_bytes(parquet(tmp_path, rows_sql()).read_bytes())
        (folder / "axe.parquet").write_bytes(b"not to be read")
        assert read_bundled(path).rows == 100


@pytest.mark.parametrize("kind", ["UTINYINT", "SMALLINT", "UINTEGER", "HUGEINT", "FLOAT", "DECIMAL(5, 2)"])
def test_every_number_type_is_taken(tmp_path, kind):
    assert read_bundled(parquet(tmp_path, rows_sql(tenure=f"(i % 60)::{kind}", churn="(i % 2)::UBIGINT"))).rows == 100


@pytest.mark.parametrize("name", ["x[1].parquet", "in[1]/x*.parquet"])
def test_a_generated_parquet_has_exactly_the_name_that_was_asked_for(tmp_path, name):
    (tmp_path / "in[1]").mkdir()
    (tmp_path / "in1").mkdir()
    write_simulated(100, 1, tmp_path / name)
    assert read_bundled(tmp_path / name).rows == 100
    assert [path.name for path in tmp_path.rglob("x*")] == [Path(name).name]


def test_a_slow_read_draws_no_bar_on_standard_output(tmp_path, monkeypatch, capfd):
    """DuckDB draws one after two seconds, here after 50 ms: of all its statements, only the read takes so long."""
    path = parquet(tmp_path, rows_sql(rows=3_000_000))
    connect = duckdb.connect

    def hasty(**arguments):
        connection = connect(**arguments)
        connection.execute("SET progress_bar_time = 50")
        return connection

    monkeypatch.setattr(duckdb, "connect", hasty)
    read_bundled(path)
    assert capfd.readouterr().out == ""
