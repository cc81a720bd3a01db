"""Reading training data from CSV: what it takes, and the line, column and value that it names when it refuses."""

import os
import subprocess

import numpy as np
import pandas as pd
import pytest
from dataset_files import BUNDLED, GOOD, HEADER, LINE_AFTER, VALID, csv, message, parquet, read_bundled, rows_sql

from churn.data import csv_file
from churn.schema.record import MISSING_CATEGORY


def test_reads_a_csv(tmp_path):
    dataset = read_bundled(csv(tmp_path, VALID))
    assert dataset.rows == 100
    assert tuple(dataset.frame.columns) == BUNDLED.feature_names
    assert dataset.frame.iloc[1].tolist() == [2.0, 5.0, 10.0, "basic", "NA"]
    assert [str(kind) for kind in dataset.frame.dtypes] == ["float64"] * 3 + ["category"] * 2
    assert dataset.target.dtype == np.int8
    assert dataset.target.tolist() == [0, 1] * 50


def test_digest_is_that_of_sha256sum(tmp_path):
    for path in (csv(tmp_path, VALID), parquet(tmp_path, rows_sql())):
        told = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout.split()[0]
        assert read_bundled(path).sha256 == told


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + VALID,
        VALID.replace("\n", "\r\n"),
        VALID.replace("\n", "\r"),
        "\n\n" + VALID.replace("\n", "\n\n") + "  \n",
        VALID.rstrip("\n"),
        VALID.replace("premium", '" Premium "').replace("EU", " eu"),
        VALID.replace("48,", " 48.0 ,").replace(",1\n", ",1.0\n"),
        VALID.replace(",", ", ", 5),
        "churn," + HEADER.replace(",churn", "") + "0,48,0,60.5,premium,EU\n1,2,5,10,basic,NA\n" * 50,
    ],
    ids=["bom", "crlf", "cr", "blank lines", "no last newline", "case", "as floats", "spaces", "other order"],
)
def test_what_means_the_same_reads_the_same(tmp_path, content):
    dataset = read_bundled(csv(tmp_path, content))
    expected = read_bundled(csv(tmp_path, VALID, "expected.csv"))
    pd.testing.assert_frame_equal(dataset.frame, expected.frame)
    assert dataset.target.tolist() == expected.target.tolist()


def test_up_to_five_percent_missing_are_kept(tmp_path):
    gaps = ",1,5,basic,EU,1\n" + "1,,5,basic,EU,1\n" + "1,1,,basic,EU,1\n" + '1,1,5,,"",1\n'
    frame = read_bundled(csv(tmp_path, VALID + gaps)).frame
    assert frame.iloc[100:, :3].isna().to_numpy().tolist() == [
        [True, False, False],
        [False, True, False],
        [False, False, True],
        [False, False, False],
    ]
    assert frame.iloc[103, 3:].tolist() == [MISSING_CATEGORY, MISSING_CATEGORY]


def test_only_an_empty_field_is_missing(tmp_path):
    row = "1,1,1,nan,{},1\n"
    names = ["NA", "N/A", "NULL", "None", "nan", "-", "1.0"]
    frame = read_bundled(csv(tmp_path, VALID + "".join(row.format(name) for name in names))).frame
    assert frame["region"].tolist()[100:] == [name.upper() for name in names]
    assert frame["plan_type"].tolist()[100:] == ["nan"] * len(names)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("-3,0,1,a,EU,1", "column tenure_months: '-3' is out of range; allowed: whole numbers from 0 to 200"),
        ("1,51,1,a,EU,1", "column num_complaints: '51' is out of range; allowed: whole numbers from 0 to 50"),
        ("1,1,500.1,a,EU,1", "column avg_session_minutes: '500.1' is out of range; allowed: numbers from 0 to 500"),
        ("1.5,1,1,a,EU,1", "column tenure_months: '1.5' is not a whole number; allowed: whole numbers from 0 to 200"),
        ("x,1,1,a,EU,1", "column tenure_months: 'x' is not a number"),
        ("1,1,12 min,a,EU,1", "column avg_session_minutes: '12 min' is not a number"),
        ("1,1,nan,a,EU,1", "column avg_session_minutes: 'nan' is not a number"),
        ("1,1,-inf,a,EU,1", "column avg_session_minutes: '-inf' is not a number"),
        ("1,1,Infinity,a,EU,1", "column avg_session_minutes: 'Infinity' is not a number"),
        ("NaN,1,1,a,EU,1", "column tenure_months: 'NaN' is not a number"),
        ("1,1,1e999,a,EU,1", "column avg_session_minutes: '1e999' is out of range"),
        ("1,1,0x10,a,EU,1", "column avg_session_minutes: '0x10' is not a number"),
        ("1,1,1_0,a,EU,1", "column avg_session_minutes: '1_0' is not a number"),
        ("1,1,  ,a,EU,1", "column avg_session_minutes: '  ' is not a number"),
        ("True,1,1,a,EU,1", "column tenure_months: 'True' is not a number"),
        ("1,1,1,a,EU,2", "column churn: '2' is not a target; allowed: 0 or 1"),
        ("1,1,1,a,EU,yes", "column churn: 'yes' is not a target; allowed: 0 or 1"),
        ("1,1,1,a,EU,True", "column churn: 'True' is not a target; allowed: 0 or 1"),
        ("1,1,1,a,EU,0.5", "column churn: '0.5' is not a target; allowed: 0 or 1"),
        ("1,1,1,a,EU,", "column churn: '' is a missing target; allowed: 0 or 1"),
        (
            f"1,1,1,a,{'x' * 45},1",
            f"column region: '{'x' * 37}...' is too long (45 characters); allowed: 1 to 32 printable characters",
        ),
        ("1,1,1,a\x07b,EU,1", r"column plan_type: 'a\x07b' holds a control character"),
        ('1,1,1,"a\nb",EU,1', r"column plan_type: 'a\nb' holds a control character"),
        ("1,1,1,   ,EU,1", "column plan_type: '   ' is nothing but spaces"),
        ("1,1,1,a,EU", "5 fields instead of 6: '1,1,1,a,EU'"),
        ("1,1,1,a,EU,1,9", "7 fields instead of 6: '1,1,1,a,EU,1,9'"),
        ('1,1,1,"a,EU,1', """a quote is opened and never closed: '1,1,1,"a,EU,1"""),
    ],
)
def test_names_line_column_and_value(tmp_path, row, expected):
    text = message(csv(tmp_path, f"{VALID}{row}\n{'' if 'never closed' in expected else GOOD}"))
    assert f"line {LINE_AFTER}" in text
    assert expected in text
    assert len(text.splitlines()) == 2


def test_line_is_the_one_an_editor_shows(tmp_path):
    """Blank lines, Windows line ends and quoted fields of several lines do not shift it."""
    above = HEADER + "\r\n" + '1,1,1,"' + "\n" * 3 + 'basic",EU,1\r\n' + "   \n\n" + GOOD * 30
    content = above + "999,1,1,basic,EU,1\n" + GOOD
    line = next(n for n, text in enumerate(content.splitlines(), start=1) if text.startswith("999"))
    assert f"line {line}, column tenure_months: '999' is out of range" in message(csv(tmp_path, content))


def test_lists_the_first_five_and_counts_the_rest(tmp_path):
    kinds = [f"1,1,1,a,EU,1{',9' * more}\n" for more in range(1, 43)]
    text = message(csv(tmp_path, VALID + "".join(kinds)))
    assert [line.split(",")[0].strip() for line in text.splitlines()[1:6]] == [f"line {102 + i}" for i in range(5)]
    assert text.splitlines()[6].strip() == "... and 37 more"
    assert len(text.splitlines()) == 7


def test_problems_of_one_kind_are_one_line_with_their_count(tmp_path):
    text = message(csv(tmp_path, HEADER + "1,1,1,a,EU,yes\n999,1,1,a,EU,no\n" * 600 + "1,1\n"))
    target, tenure, width = text.splitlines()[1:]
    assert target.startswith("  line 2, column churn: 'yes' is not a target; allowed: 0 or 1 (")
    assert target.endswith("1 (1,200 such lines: 2, 3, 4, 5, 6 ... and 1,195 more)")
    assert tenure.startswith("  line 3, column tenure_months: '999' is out of range; ")
    assert tenure.endswith("0 to 200 (600 such lines: 3, 5, 7, 9, 11 ... and 595 more)")
    assert width == "  line 1202, 2 fields instead of 6: '1,1'"
    long = "".join(f"1,1,1,{'x' * length},EU,1\n" for length in range(33, 73))
    assert len(message(csv(tmp_path, VALID + long)).splitlines()) == 2


def test_short_row_is_refused_where_the_target_is_not_last(tmp_path):
    content = "churn," + HEADER.replace(",churn", "") + "0,48,0,60.5,premium,EU\n1,2,5,10,basic,NA\n" * 50
    assert f"line {LINE_AFTER}, 5 fields instead of 6" in message(csv(tmp_path, content + "1,2,5,10,basic\n"))
    assert read_bundled(csv(tmp_path, content + "1,2,5,10,basic,\n")).frame["region"].iloc[-1] == MISSING_CATEGORY


def test_rows_that_all_have_a_field_too_many(tmp_path):
    assert "line 2, 7 fields instead of 6" in message(csv(tmp_path, HEADER + GOOD.replace("\n", ",9\n")))


def test_true_and_false_are_no_numbers_even_in_a_whole_column(tmp_path):
    content = HEADER + "1,0,True,basic,EU,0\n1,0,False,basic,EU,1\n" * 30
    assert "line 2, column avg_session_minutes: 'True' is not a number" in message(csv(tmp_path, content))
    ones = content.replace("True", "1").replace("False", "0")
    assert read_bundled(csv(tmp_path, ones)).frame["avg_session_minutes"].tolist() == [1, 0] * 30


@pytest.mark.parametrize(
    ("column", "row"),
    [("tenure_months", ",1,1,a,EU,1"), ("avg_session_minutes", "1,1,,a,EU,1"), ("region", "1,1,1,a,,1")],
)
def test_more_than_five_percent_missing(tmp_path, column, row):
    text = message(csv(tmp_path, VALID + f"{row}\n" * 6))
    assert f"column {column}: 5.7% of the values are missing (6 of 106); allowed: up to 5%" in text
    assert "lines 102, 103, 104, 105, 106 ... and 1 more" in text
    assert read_bundled(csv(tmp_path, VALID + f"{row}\n" * 5)).rows == 105


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (HEADER.replace("churn", "Churn"), "line 1, column 'Churn' is not expected; did you mean 'churn'?"),
        (HEADER.replace(",churn", ",region"), "line 1, column 'region' is there 2 times"),
        (HEADER.replace("region", "country"), "line 1, column 'region' is missing"),
        (HEADER.replace("region", "country"), "line 1, column 'country' is not expected"),
        ("id," + HEADER, "line 1, column 'id' is not expected"),
        (
            "\n\n" + HEADER.replace("churn", "churned"),
            "line 3, column 'churned' is not expected; did you mean 'churn'?",
        ),
    ],
)
def test_header(tmp_path, header, expected):
    text = message(csv(tmp_path, header + GOOD))
    assert expected in text
    assert f"expected columns, in any order: {HEADER.strip()}" in text


@pytest.mark.parametrize("content", ["", "\n \n", "\ufeff"])
def test_empty_file(tmp_path, content):
    assert "is empty; expected a header and rows" in message(csv(tmp_path, content))


@pytest.mark.parametrize("content", [HEADER, HEADER.strip(), HEADER + "\n\n"])
def test_header_only(tmp_path, content):
    assert "there are columns, but no row of data" in message(csv(tmp_path, content))


@pytest.mark.parametrize("value", ["0", "1"])
def test_only_one_class(tmp_path, value):
    text = message(csv(tmp_path, HEADER + f"1,1,1,a,EU,{value}\n" * 20))
    assert f"column churn: all 20 rows hold '{value}'; customers who left and who stayed are needed" in text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (VALID.encode() + "1,1,1,café,EU,1\n".encode("latin-1"), "line 102, byte 2,131: 0xe9 is not UTF-8"),
        (VALID.encode().replace(b"tenure", b"ten\xff"), "line 1, byte 3: 0xff is not UTF-8"),
        (VALID.encode() + b"1,1,1,a,\xe2\x82", "line 102, byte 2,131: 0xe2 is not UTF-8"),
        (VALID.encode("utf-16"), "byte 0: the file is UTF-16; save it as UTF-8"),
        (VALID.encode("utf-32"), "byte 0: the file is UTF-32; save it as UTF-8"),
        (VALID.encode("utf-32-be"), "byte 0: the file is UTF-32; save it as UTF-8"),
        (VALID.encode("utf-16-le"), "line 1, byte 1: a NUL byte"),
        (VALID.encode() + b"1\x009,1,1,a,EU,1\n", "line 102, byte 2,123: a NUL byte"),
        (VALID.encode() + b"1,1,1,a\x00,EU,1\n", "line 102, byte 2,129: a NUL byte"),
    ],
)
def test_encoding(tmp_path, content, expected):
    if ":" in expected and "byte 2," in expected:
        expected = expected.replace(expected.split(":")[0], f"line 102, byte {_bad_byte(content):,}")
    assert expected in message(csv(tmp_path, content))


def _bad_byte(content: bytes) -> int:
    """Where the first byte is that text cannot hold, by trying ever longer beginnings."""
    for end in range(len(VALID), len(content) + 1):
        if content[end - 1] == 0 or content[end - 1] >= 0x80:
            return end - 1
    raise AssertionError


def test_a_field_without_end(tmp_path):
    assert "line 102: field larger than" in message(csv(tmp_path, VALID + '"' + "x" * 200_000))


def test_no_such_file_folder_and_suffix(tmp_path):
    assert "there is no such file" in message(tmp_path / "none.csv")
    assert "there is no such file" in message(csv(tmp_path, VALID) / "below.csv")
    (tmp_path / "folder").mkdir()
    assert message(tmp_path / "folder").endswith("folder cannot be read: it is a folder without a file *.parquet")
    assert "its name must end in .csv, .tsv, .txt or .parquet" in message(csv(tmp_path, VALID, "customers.xlsx"))


def test_no_permission(tmp_path):
    path = csv(tmp_path, VALID)
    path.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # root may read everything
    try:
        text = message(path)
    finally:
        if root:
            os.seteuid(0)
    assert "Permission denied" in text


def test_long_numbers_are_read_to_the_last_digit(tmp_path):
    values = np.random.default_rng(1).uniform(0, 500, 2000)
    rows = "".join(f"1,1,{value!r},a,EU,{i % 2}\n" for i, value in enumerate(values.tolist()))
    assert (read_bundled(csv(tmp_path, HEADER + rows)).frame["avg_session_minutes"] == values).all()


def test_a_number_just_below_a_whole_one_is_not_taken_for_it(tmp_path):
    rows = "1,1,360.99999999999994,a,EU,0\n1,1,2,a,EU,1\n"
    assert read_bundled(csv(tmp_path, HEADER + rows)).frame["avg_session_minutes"].tolist() == [360.99999999999994, 2]


def test_chunks_join(tmp_path, monkeypatch):
    """Categories and gaps that only some chunks have, and a chunk that needs the careful parser."""
    rows = "".join(f"{i % 60},1,{i / 7:.12f},plan {i // 100},EU,{i % 2}\n" for i in range(300))
    content = VALID + rows + "1,1,,,AF,1\n"
    whole = read_bundled(csv(tmp_path, content))
    monkeypatch.setattr(csv_file, "CHUNK_ROWS", 7)
    pd.testing.assert_frame_equal(read_bundled(csv(tmp_path, content)).frame, whole.frame)


@pytest.mark.parametrize("field", ["nan", "True", "1_0", "\u0661"])
def test_no_number_gets_through_where_the_careful_parser_reads_on(tmp_path, monkeypatch, field):
    monkeypatch.setattr(csv_file, "CHUNK_ROWS", 50)
    long = VALID.replace("60.5", "60.123456789012345")
    assert read_bundled(csv(tmp_path, long + "1,1,,a,EU,1\n")).frame["avg_session_minutes"].isna().sum() == 1
    text = message(csv(tmp_path, f"{long}1,1,{field},a,EU,1\n"))
    assert f"line {LINE_AFTER}, column avg_session_minutes: {field!r} is not a number" in text
