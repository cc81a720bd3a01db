"""Labels files as they are found: exactly the named one, read for what it is, its faults with their lines."""

import gzip
import io
import json
import zipfile

import duckdb
import pytest
from drift_samples import SERVED, line, write_journal

from churn.drift.labels import LabelCounts, load_labels
from churn.drift.window import read_window
from churn.errors import DataError
from churn.journal.moments import latest_moment
from churn.journal.scan import open_scan
from churn.schema.reading import parse_schema

HEADING = "request_id,churn\n"
LABELS = HEADING + "r1,1\nr2,0\n"


def load(folder, content: str | bytes, name="labels.csv") -> LabelCounts:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_file(folder, path)


def load_file(folder, path) -> LabelCounts:
    journal = write_journal(folder / "predictions-a-1.jsonl", *(line(n, request_id=f"r{n}") for n in range(5)))
    with open_scan(latest_moment(), ids=True) as scan:
        scan.load([journal])
        return load_labels(scan, path, SERVED.schema)


def refusal(folder, content: str | bytes, name="labels.csv") -> str:
    with pytest.raises(DataError) as raised:
        load(folder, content, name)
    assert str(folder / name) in str(raised.value)
    return str(raised.value).removeprefix(f"{folder / name} cannot be used:\n  ")


def parquet(folder, select: str) -> bytes:
    duckdb.execute(f"COPY ({select}) TO '{folder / 'made'}' (FORMAT parquet)")
    return (folder / "made").read_bytes()


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("name", ["labels[1]", "labels?", "la*", "in[1]/labels", "~/labels"])
def test_exactly_the_named_file_is_read(tmp_path, monkeypatch, name, suffix):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in1").mkdir()
    decoys = [tmp_path / f"labels1.{suffix}", tmp_path / f"in1/labels.{suffix}"]
    for decoy in decoys:
        decoy.write_text("not to be read")
    path = tmp_path / f"{name}.{suffix}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(parquet(tmp_path, "SELECT 'r1' AS request_id, 1 AS churn") if suffix == "parquet" else b"")
    if suffix == "csv":
        path.write_text(HEADING + "r1,1\n")
    assert load_file(tmp_path, path.relative_to(tmp_path)).matched == 1


@pytest.mark.parametrize(
    "content",
    [
        "sep=,\n" + LABELS,
        ",\n" + LABELS + ",\n" * 3,
        "\ufeff" + LABELS.replace("\n", "\r\n"),
        LABELS.replace("r1,1\n", "r1,1\r\n\n   \n"),
        "request_id , churn,\n" + "r1,1,x\n,,\nr2,0,\n",
        'note,request_id,churn\n"two\nlines",r1,1\n,r2,0\n',
        LABELS.replace(",", ";"),
        "\n\n" + LABELS.replace(",", "\t"),
    ],
)
def test_what_means_the_same_is_read_the_same(tmp_path, content):
    assert load(tmp_path, content) == LabelCounts(rows=2, matched=2, unknown=0)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            LABELS.encode() + "café,1\n".encode("latin-1"),
            "line 4, byte 30: 0xe9 is not UTF-8, it looks like Windows-1252; save",
        ),
        ("nom,é\n".encode("latin-1"), "line 1, byte 4: 0xe9 is not UTF-8, it looks like Windows-1252; save"),
        (LABELS + "r3\n", "line 4, 1 field instead of 2: 'r3'"),
        (
            LABELS + "r3,1,1\n" * 1200,
            "line 4, 3 fields instead of 2: 'r3,1,1' (1,200 such lines: 4, 5, 6, 7, 8 ... and 1",
        ),
        (LABELS + '"r3,1\nr4,1\n', "line 4: a quote is opened and never closed: '\"r3,1"),
        (HEADING.strip() + ",churn\nr1,1,0\n", "column 'churn' is there 2 times"),
        (LABELS.encode("utf-16"), "byte 0: the file is UTF-16"),
        (LABELS.encode("utf-32"), "byte 0: the file is UTF-32"),
        ("<html>", "byte 0: the file is an HTML page"),
        (gzip.compress(LABELS.encode(), mtime=0), "byte 0: the file is compressed with gzip; decompress it first"),
        (b"PAR1", "byte 0: the file is a Parquet file; let its name end in .parquet"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path, content, expected):
    assert expected in refusal(tmp_path, content)


def test_a_label_that_is_none_is_named_with_its_line_value_and_column(tmp_path):
    content = 'note;churn;request_id\n"two\nlines";1;r1\n\n;  ;r2\n; gone ;r3\n' + ";2;r4\n" * 7
    assert refusal(tmp_path, content) == (
        "line 6, request_id 'r3', column churn: 'gone' is not 0 or 1 (8 such lines: 6, 7, 8, 9, 10 ... and 3 more)"
    )
    both = refusal(tmp_path, 'note,request_id,churn\n"two\nlines",r1,1\n,r2,0\n,r1,\n,r1,0\n')
    assert "request_id 'r1' has both labels: '1' in line 2, '0' in line 6 (1 such ids); keep one" in both


def test_of_parquet_the_request_is_named(tmp_path):
    content = parquet(tmp_path, "SELECT 'r1' AS request_id, 'gone' AS churn")
    assert "churn of request_id 'r1' is 'gone', not 0 or 1 (1 such rows)" in refusal(
        tmp_path, content, "labels.parquet"
    )


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("['r1'] AS request_id, 1 AS churn", "column request_id: it holds VARCHAR[]; allowed: text or whole numbers"),
        (
            "{'VARCHAR': 'r1'} AS request_id, 1 AS churn",
            'column request_id: it holds STRUCT("VARCHAR" VARCHAR); allowed',
        ),
        ("1.0::DOUBLE AS request_id, 1 AS churn", "column request_id: it holds DOUBLE; allowed"),
        (
            "'r1' AS request_id, [1] AS churn",
            "column churn: it holds INTEGER[]; allowed: text, a number or a boolean",
        ),
        ("'r1' AS request_id, MAP {'a': 1} AS churn", "column churn: it holds MAP(VARCHAR, INTEGER); allowed"),
    ],
)
def test_parquet_columns_of_another_type_are_named(tmp_path, select, expected):
    assert expected in refusal(tmp_path, parquet(tmp_path, f"SELECT {select}"), "labels.parquet")


def test_parquet_columns_beside_the_two_may_hold_anything(tmp_path):
    content = parquet(tmp_path, "SELECT 'r' || i AS request_id, i::VARCHAR AS churn, [i] AS list FROM range(2) t(i)")
    assert load(tmp_path, content, "labels.parquet") == LabelCounts(rows=2, matched=2, unknown=0)


def test_parquet_booleans_are_the_ones_and_zeros_of_the_schema(tmp_path):
    content = parquet(tmp_path, "SELECT 'r' || i AS request_id, i = 1 AS churn FROM range(2) t(i)")
    assert load(tmp_path, content, "labels.parquet") == LabelCounts(rows=2, matched=2, unknown=0)


def test_a_parquet_that_is_none_is_said_what_it_is(tmp_path):
    sheet = io.BytesIO()
    with zipfile.ZipFile(sheet, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    assert "it is a spreadsheet (Excel's .xlsx): export" in refusal(tmp_path, sheet.getvalue(), "labels.parquet")
    assert "is not a Parquet file" in refusal(tmp_path, LABELS, "labels.pq")
    assert "is cut off" in refusal(tmp_path, parquet(tmp_path, "SELECT 1 AS churn")[:-9], "labels.parquet")


def test_a_folder_is_called_a_folder(tmp_path):
    with pytest.raises(DataError, match="is a folder; --labels needs a CSV or Parquet file with request_id,churn"):
        load_file(tmp_path, tmp_path)


def test_a_home_with_brackets_is_no_pattern(tmp_path, trained_home):
    """The journal's folder, its scan, labels and reports, through the commands."""
    folder = tmp_path / "home[1]"
    made = [line(n, request_id=f"r{n}", probability=n % 10 / 10, prediction=n % 10 > 5) for n in range(200)]
    write_journal(folder / "logs" / "predictions-a[1].jsonl", *made[:100])
    write_journal(folder / "logs" / "predictions-b[1].jsonl.gz", *made[100:])
    write_journal(tmp_path / "home1" / "logs" / "predictions-a1.jsonl", line(0, request_id="r0"))
    (folder / "registry").symlink_to(trained_home.registry)
    (folder / "models").symlink_to(trained_home.path / "models")
    labels, out = folder / "labels[1].csv", folder / "out[1]*.json"
    labels.write_text(HEADING + "".join(f"r{n},{n % 2}\n" for n in range(200)))
    (folder / "labels1.csv").write_text(HEADING + "r0,1\n")
    home = {"CHURN_HOME": str(folder)}
    done = trained_home.run("drift.py", "performance", "--labels", str(labels), "--json", str(out), **home)
    assert "200 labels, 200 of them of logged predictions" in done.stdout, done.stderr
    assert json.loads(out.read_text())["labels"]["matched"] == 200
    assert read_window(folder / "logs", SERVED, 200_000).rows == 200


def test_labels_are_the_target_of_the_schema_as_it_is_written(tmp_path):
    """Its column and its texts are those of the training file, not `churn` and 0 or 1."""
    telco = SERVED.schema.source.replace(b'column = "churn"\npositive = [1]\nnegative = [0]', TELCO_TARGET)
    journal = write_journal(tmp_path / "predictions-a-1.jsonl", *(line(n, request_id=f"r{n}") for n in range(5)))
    path = tmp_path / "labels.csv"
    path.write_text("request_id;Left us?\nr1; Yes\nr2;No\nr3;gone\nr4;\n")
    with open_scan(latest_moment(), ids=True) as scan:
        scan.load([journal])
        found = load_labels(scan, path, parse_schema(telco, "schema.toml"))
        rows = scan.connection.execute("SELECT request_id, churn FROM labelled ORDER BY 1").fetchall()
    assert found == LabelCounts(rows=3, matched=3, unknown=1)
    assert rows == [("r1", 1), ("r2", 0), ("r3", 1)]


TELCO_TARGET = b'column = "Left us?"\npositive = ["Yes", "gone"]\nnegative = ["No"]'
