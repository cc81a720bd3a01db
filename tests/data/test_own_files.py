"""Files as people have them: the right numbers come out, or a message says what to do."""

import duckdb
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from dataset_files import csv, message

from churn.data.dataset import read_dataset
from churn.schema.reading import parse_schema

TELCO = ROOT.parent / "shared" / "data" / "telco-customer-churn.csv"
SCHEMA = """
version = 1
name = "calls"
retired = []
[target]
column = "Left us?"
positive = ["Yes", "gone"]
negative = ["No"]
[identifier]
column = "Customer ID"
[file]
missing = [" ", "NA", "?"]
ignore = ["exported_at"]
[[feature]]
name = "call_failure"
column = "Call  Failure"
kind = "integer"
minimum = 0
[[feature]]
name = "Fee"
kind = "number"
missing = "impute"
[[feature]]
name = "online"
kind = "boolean"
missing = "impute"
[[feature]]
name = "Plan"
kind = "category"
missing = "impute"
"""
HEADER = "Customer ID,Call  Failure,Fee,online,Plan,Left us?\n"
ROWS = "A1,8,50.5,true,Gold,Yes\nA2,0,1000.25,False,silver,No\nA3,12.0,,NA,,gone\nA4,3,NA,1,?, No \n"
EXPECTED = {
    "call_failure": [8.0, 0.0, 12.0, 3.0],
    "Fee": [50.5, 1000.25, np.nan, np.nan],
    "online": [1.0, 0.0, np.nan, 1.0],
    "Plan": ["Gold", "silver", "", ""],
}


def schema(toml=SCHEMA):
    return parse_schema(toml.encode(), "schema.toml")


def read(path, toml=SCHEMA):
    said = []
    return read_dataset(path, schema(toml), said.append), [line.removeprefix(f"{path}: ") for line in said]


def check(dataset, times=1):
    assert list(dataset.frame) == list(EXPECTED)
    for name, values in EXPECTED.items():
        found = dataset.frame[name].tolist()
        assert pd.Series(found).equals(pd.Series(values * times)), name
    assert dataset.target.tolist() == [1, 0, 1, 0] * times


def with_commas(text):
    """A file of a place where the comma is the decimal mark."""
    return text.replace(",", ";").replace(".", ",")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (HEADER + ROWS, []),
        ("\ufeff" + HEADER + ROWS, []),
        ((HEADER + ROWS).replace("\n", "\r\n"), []),
        ((HEADER + ROWS).replace("\n", "\r"), []),
        ((HEADER + ROWS).replace(",", ";"), ["fields separated by ';'"]),
        ((HEADER + ROWS).replace(",", "\t"), [r"fields separated by '\t'"]),
        (with_commas(HEADER + ROWS), ["fields separated by ';', decimal comma"]),
        ("sep=;\n" + with_commas(HEADER + ROWS), ["fields separated by ';', decimal comma"]),
        ("\ufeff" + with_commas(HEADER + ROWS).replace("\n", "\r\n"), ["fields separated by ';', decimal comma"]),
        (HEADER + ROWS + "\n\n,,,,,\n\n", []),
        (HEADER + ROWS.replace("A1", '"A\n1"').replace("A2", '"A, 2"'), []),
        (HEADER.replace("Plan", "Plan,exported_at") + ROWS.replace(",Gold", ",Gold,1").replace(",silver", ",silver,2")
         .replace("NA,,", "NA,,3,").replace(",?,", ",?,4,"), []),
        (HEADER.replace("Customer ID,", "") + ROWS.replace("A1,", "").replace("A2,", "").replace("A3,", "")
         .replace("A4,", ""), []),
        ("," + HEADER + "".join(f"{n},{row}\n" for n, row in enumerate(ROWS.splitlines())),
         ["the first column has no name; it is left out, as row numbers"]),
        ("Unnamed: 0," + HEADER + "".join(f"{n},{row}\n" for n, row in enumerate(ROWS.splitlines())),
         ["the first column has no name; it is left out, as row numbers"]),
    ],
    ids=[
        "plain", "bom", "crlf", "cr", "semicolons", "tabs", "decimal comma", "declared", "excel", "blank lines",
        "quoted newlines", "ignored column", "no identifier", "row numbers", "pandas' row numbers",
    ],
)  # fmt: skip
def test_a_csv_file_gives_the_numbers_that_are_in_it(tmp_path, content, said):
    dataset, told = read(csv(tmp_path, content))
    check(dataset)
    assert told == said


def test_many_rows_with_a_decimal_comma_take_the_quick_way_and_agree(tmp_path):
    dataset, _ = read(csv(tmp_path, with_commas(HEADER + ROWS * 500)))
    check(dataset, times=500)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("A9,1.234,1,yes,x,No", "customer 'A9', column Call  Failure: '1.234' is not a whole number"),
        ("A9,1 234,1,yes,x,No", "column Call  Failure: '1 234' has a separator of thousands: write it without"),
        ('A9,"1,234",1,yes,x,No', "column Call  Failure: '1,234' has a separator of thousands: write it without"),
        ('A9,1,"1,234.50",yes,x,No', "column Fee: '1,234.50' has a separator of thousands"),
        ("A9,1,2,maybe,x,No", "column online: 'maybe' is neither true nor false; allowed: true or false, yes or no, 1"),
        ("A9,1,2,2,x,No", "column online: '2' is neither true nor false"),
        ("A9,1,2,t,x,no", "column Left us?: 'no' is not a target; allowed: No, Yes or gone"),
        ("A9,1,2,t,x,", "column Left us?: '' is a missing target; allowed: No, Yes or gone"),
        ("A9,-1,2,t,x,No", "column Call  Failure: '-1' is out of range; allowed: whole numbers from 0 to 1e+15"),
        (
            "A9,1,  ,t,x,No",
            "column Fee: '  ' is not a number; where it means a missing one, add to the schema, under [fi",
        ),
        ("A9,1,n/a,t,x,No", "column Fee: 'n/a' is not a number"),
    ],
)
def test_a_field_that_cannot_be_used_is_named_with_its_customer_and_the_cure(tmp_path, row, expected):
    text = message(csv(tmp_path, f"{HEADER}{ROWS}{row}\n"), schema())
    assert "line 6, customer 'A9', " in text
    assert expected in text


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("A9;1.234;1;yes;x;No", "'1.234' has a separator of thousands"),
        ("A9;1;1.234,5;yes;x;No", "'1.234,5' has a separator of thousands"),
        ("A9;1;1.5;yes;x;No", "column Fee: '1.5' is not a number"),
    ],
)
def test_points_in_a_file_with_decimal_commas_are_refused(tmp_path, row, expected):
    assert expected in message(csv(tmp_path, with_commas(HEADER + ROWS) + row + "\n"), schema())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (HEADER.replace("Plan", "Plan,note") + "A1,1,2,t,a,b,Yes\n",
         "column 'note' is not expected; to leave it out, add to the schema, under [file]: ignore = [\"note\"]"),
        (HEADER.replace("Call  Failure", "Call Failure") + ROWS,
         "line 1, column 'Call Failure' is not expected; did you mean 'Call  Failure'?"),
        ((HEADER + ROWS.replace("Gold", "Gold é")).encode("cp1252"), "0xe9 is not UTF-8, it looks like Windows"),
        ((HEADER + ROWS).encode("utf-16"), "byte 0: the file is UTF-16; save it as UTF-8"),
        (HEADER + ROWS.replace("50.5", "").replace("1000.25", "NA"),
         "column Fee: 100.0% of the values are missing (4 of 4): there is nothing to learn from; leave it out of the"),
        (HEADER + ROWS.replace("A1,8", "A1,NA"),
         '(1 of 4); allowed: up to 5%, any with missing = "impute" in the schema; lines 2'),
        (HEADER + ROWS.replace("Yes", "No").replace("gone", "No"), "column Left us?: all 4 rows hold 'No'; customers"),
        (HEADER + ROWS + "A5,1,2,t\n", "line 6, 4 fields instead of 6"),
    ],
    ids=["extra", "misspelled", "cp1252", "utf-16", "all missing", "missing", "one class", "short"],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_with_what_to_do(tmp_path, content, expected):
    assert expected in message(csv(tmp_path, content), schema())


def parquet(folder, rows, name="t.parquet", options=""):
    (folder / name).parent.mkdir(exist_ok=True)
    duckdb.execute(f"COPY ({rows}) TO '{folder / name}' (FORMAT parquet{options})")
    return folder / name


def rows_sql(fee="fee", online="online", plan="plan", left="left_us", failure="failure"):
    return f"""SELECT id AS "Customer ID", {failure} AS "Call  Failure", {fee} AS "Fee", {online} AS online,
        {plan} AS "Plan", {left} AS "Left us?" FROM (VALUES
        ('A1', 8, 50.5, true, 'Gold', 'Yes'), ('A2', 0, 1000.25, false, 'silver', 'No'),
        ('A3', 12, NULL, NULL, NULL, 'gone'), ('A4', 3, NULL, true, NULL, 'No'))
        t(id, failure, fee, online, plan, left_us)"""  # noqa: S608 - the tests' own texts


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({}, ""),
        ({"fee": "fee::DECIMAL(18, 2)", "failure": "failure::TINYINT"}, ""),
        ({"fee": "fee::FLOAT", "failure": "failure::DOUBLE"}, ", COMPRESSION zstd"),
        ({"plan": "plan::ENUM('Gold', 'silver')"}, ", COMPRESSION gzip"),
        ({"online": "online::TINYINT"}, ""),
        ({"online": "CASE WHEN online THEN 'yes' WHEN NOT online THEN 'no' END"}, ""),
    ],
    ids=["duckdb", "decimal", "zstd", "dictionary", "0 or 1", "yes or no"],
)
def test_a_parquet_file_gives_the_numbers_that_are_in_it(tmp_path, changes, options):
    dataset, told = read(parquet(tmp_path, rows_sql(**changes), options=options))
    check(dataset)
    assert told == []


def test_a_folder_of_parquet_files_is_one_table(tmp_path):
    """As Spark writes it."""
    folder = tmp_path / "customers.parquet"
    for part in range(3):
        parquet(folder, rows_sql(), f"part-0000{part}-c000.snappy.parquet")
    (folder / "_SUCCESS").touch()
    dataset, _ = read(folder)
    check(dataset, times=3)
    assert len(dataset.sha256) == 64


@pytest.mark.parametrize(
    ("values", "target"),
    [
        ("left_us <> 'No'", "positive = [true]\nnegative = [false]"),
        ("(left_us <> 'No')::INTEGER", "positive = [1]\nnegative = [0]"),
        ("(left_us <> 'No')::DOUBLE", "positive = [1]\nnegative = [0]"),
        ("CASE left_us WHEN 'No' THEN 'Stayed' ELSE 'Churned' END", 'positive = ["Churned"]\nnegative = ["Stayed"]'),
    ],
)
def test_a_target_is_recognised_in_each_of_its_forms(tmp_path, values, target):
    toml = SCHEMA.replace('positive = ["Yes", "gone"]\nnegative = ["No"]', target)
    dataset, _ = read(parquet(tmp_path, rows_sql(left=values)), toml)
    assert dataset.target.tolist() == [1, 0, 1, 0]
    text = parquet(tmp_path, rows_sql(left=values)).with_suffix(".csv")
    duckdb.execute(f"COPY ({rows_sql(left=values)}) TO '{text}' (FORMAT csv)")
    assert read(text, toml)[0].target.tolist() == [1, 0, 1, 0]


def test_columns_that_differ_in_case_alone_are_two(tmp_path):
    toml = SCHEMA.replace('column = "Left us?"', 'column = "fee"')
    dataset, _ = read(csv(tmp_path, HEADER.replace("Left us?", "fee") + ROWS), toml)
    assert dataset.target.tolist() == [1, 0, 1, 0]


def test_a_last_column_that_is_often_missing_is_read_the_quick_way(tmp_path, monkeypatch):
    monkeypatch.setattr("churn.data.csv_file.check_records", lambda *_: pytest.fail("each field was looked at"))
    header = "Left us?,Call  Failure,online,Plan,Fee\n"
    dataset, _ = read(csv(tmp_path, header + "Yes,1,t,a,\nNo,2,f,b,3.5\n" * 50))
    assert dataset.frame["Fee"].isna().sum() == 50


@pytest.mark.skipif(not TELCO.exists(), reason="telco-customer-churn.csv is not beside the project")
def test_the_telco_table(tmp_path):
    names = TELCO.open(encoding="utf-8").readline().strip().split(",")[1:-1]
    kinds = dict.fromkeys(names, "category") | {"SeniorCitizen": "integer", "tenure": "integer"}
    kinds |= dict.fromkeys(["MonthlyCharges", "TotalCharges"], "number")
    features = "".join(f'[[feature]]\nname = "{name}"\nkind = "{kind}"\n' for name, kind in kinds.items())
    toml = (
        'version = 1\nname = "telco"\n[target]\ncolumn = "Churn"\npositive = ["Yes"]\nnegative = ["No"]\n'
        '[identifier]\ncolumn = "customerID"\n[file]\nmissing = [" "]\n' + features
    )
    dataset, told = read(TELCO, toml)
    assert (dataset.rows, dataset.target.sum(), told) == (7043, 1869, [])
    assert dataset.frame.shape == (7043, 19)
    assert dataset.frame["TotalCharges"].isna().sum() == 11
    assert dataset.frame["TotalCharges"].sum() == pytest.approx(16_056_168.7)
    without = toml.replace('[file]\nmissing = [" "]\n', "")
    text = message(TELCO, schema(without))
    assert "column TotalCharges: ' ' is not a number; where it means a missing one, add to the schema" in text
    assert "(11 such lines: 490, 755, 938, 1084, 1342 ... and 6 more)" in text
