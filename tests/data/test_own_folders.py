"""Folders of Parquet files and forms of files that other programs write: read for what they are, or refused."""

import duckdb
import pytest
from dataset_files import csv, message

from churn.data.csv_dialect import find_dialect
from churn.data.dataset import read_dataset
from churn.schema.reading import parse_schema

SCHEMA = """
version = 1
name = "t"
[target]
column = "left"
positive = [1]
negative = [0]
[file]
missing = ["", "-1"]
ignore = ["note"]
[[feature]]
name = "fee"
kind = "number"
missing = "impute"
minimum = -5
[[feature]]
name = "code"
kind = "category"
missing = "impute"
"""
ROWS = [(1.5, "a", 1), (2.5, "b", 0)]


def schema(**changes):
    toml = SCHEMA
    for old, new in changes.items():
        toml = toml.replace(old, new)
    return parse_schema(toml.encode(), "schema.toml")


def parquet(folder, name="t.parquet", select="*", rows=ROWS):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    values = ", ".join(map(str, rows))
    duckdb.execute(
        f"""COPY (SELECT {select} FROM (VALUES {values}) t(fee, code, "left")) TO '{path}' (FORMAT parquet)"""  # noqa: S608 - own texts
    )
    return path


def content(dataset):
    return [*map(tuple, dataset.frame.assign(left=dataset.target).to_numpy().tolist())]


def test_a_table_that_is_divided_by_a_column_has_that_column(tmp_path):
    """As Spark's `partitionBy` writes it."""
    parquet(tmp_path / "t", "code=a/part-0.parquet", 'fee, "left"', ROWS[:1])
    parquet(tmp_path / "t", "code=b/part-0.parquet", 'fee, "left"', ROWS[1:])
    (tmp_path / "t" / "_SUCCESS").touch()
    assert content(read_dataset(tmp_path / "t", schema())) == ROWS


def test_drafts_and_marks_in_a_folder_are_no_part_of_the_table(tmp_path):
    parquet(tmp_path / "t", "part-0.parquet")
    for name in (".part-1.parquet", "_part-1.parquet", ".ipynb_checkpoints/part-0.parquet", "_tmp/part-1.parquet"):
        parquet(tmp_path / "t", name)
    assert content(read_dataset(tmp_path / "t", schema())) == ROWS


@pytest.mark.parametrize(
    ("mark", "expected"), [("_temporary", "it is still being written"), ("_delta_log", "it is a Delta table")]
)
def test_a_folder_whose_files_are_not_the_table_is_refused(tmp_path, mark, expected):
    parquet(tmp_path / "t", "part-0.parquet")
    parquet(tmp_path / "t", f"{mark}/0/part-1.parquet")
    assert expected in message(tmp_path / "t", schema())


def test_a_folder_without_parquet_is_refused(tmp_path):
    csv(tmp_path, "fee,code,left\n")
    assert "it is a folder without a file *.parquet" in message(tmp_path, schema())


def test_row_numbers_of_pandas_are_left_out(tmp_path):
    path = parquet(tmp_path, select="*, 7 AS __index_level_0__")
    said = []
    assert content(read_dataset(path, schema(), said.append)) == ROWS
    assert said == [f"{path}: column 4 has no name of its own ('__index_level_0__'); it is left out"]


@pytest.mark.parametrize("left", ['"left" = 1', '"left"::DOUBLE', '"left"::DECIMAL(3, 1)', '"left"::VARCHAR'])
def test_a_target_of_ones_may_be_of_any_type(tmp_path, left):
    assert content(read_dataset(parquet(tmp_path, select=f'fee, code, {left} AS "left"'), schema())) == ROWS


def test_whole_numbers_are_codes_where_the_schema_has_a_category(tmp_path):
    path = parquet(tmp_path, rows=[(1.5, 415, 1), (2.5, 510, 0)])
    assert content(read_dataset(path, schema())) == [(1.5, "415", 1), (2.5, "510", 0)]


@pytest.mark.parametrize("suffix", [".tsv", ".txt", ".TSV"])
def test_a_file_of_tabs_has_its_own_suffix(tmp_path, suffix):
    assert (
        content(read_dataset(csv(tmp_path, "fee\tcode\tleft\n1.5\ta\t1\n2.5\tb\t0\n", f"t{suffix}"), schema())) == ROWS
    )


def test_a_number_that_means_missing_does_so_exactly_as_it_is_written(tmp_path):
    path = csv(tmp_path, "fee,code,left\n-1,a,1\n-1.0,b,0\n2.25,-1,1\n")
    found = read_dataset(path, schema()).frame
    assert found["fee"].isna().tolist() == [True, False, False]
    assert found["fee"].tolist()[1:] == [-1.0, 2.25]
    assert found["code"].tolist() == ["a", "b", ""]


def test_numbers_of_many_digits_are_read_to_the_last(tmp_path):
    """pandas' quick parser gives 98765432.98765431 for the first."""
    texts = ["98765432.987654321", "0.5"]
    path = csv(tmp_path, "fee,code,left\n" + "".join(f"{text},a,{n % 2}\n" for n, text in enumerate(texts)))
    unlimited = schema(**{'missing = ["", "-1"]\n': "", "minimum = -5\n": ""})
    assert read_dataset(path, unlimited).frame["fee"].tolist() == list(map(float, texts))


def test_a_short_row_is_found_beside_a_delimiter_in_quotes(tmp_path):
    path = csv(tmp_path, 'fee,code,left,note\n1.5,a,1\n2.5,b,0,"x,y"\n')
    assert "line 2, 3 fields instead of 4: '1.5,a,1'" in message(path, schema())
    assert content(read_dataset(csv(tmp_path, 'fee,code,left,note\n1.5,a,1,\n2.5,b,0,"x,y"\n'), schema())) == ROWS


def test_a_limit_is_shown_in_full(tmp_path):
    limited = schema(**{"minimum = -5": "maximum = 1234567"})
    text = message(csv(tmp_path, "fee,code,left\n1234568,a,1\n1,b,0\n"), limited)
    assert "'1234568' is out of range; allowed: numbers from -1e+15 to 1234567" in text


@pytest.mark.parametrize(
    ("text", "delimiter", "decimal"),
    [
        ("a;b, c\n1.5;x, y\n", ";", "."),
        ('x;"a,b\nc"\n1;"2,5"\n', ";", ","),
        ("a|b\n1|2\n", "|", "."),
        ("a;b\n1,234;x\n2,345;y\n", ";", "."),  # thousands, or not: refused by name
        ("a;b\n1,234;x\n0,5;y\n", ";", ","),
        ("a,b,c\n1,2\n", ",", "."),
        ("only\n1,5\n", ",", "."),
    ],
)
def test_delimiter_and_decimal_mark_are_recognised(tmp_path, text, delimiter, decimal):
    dialect = find_dialect(csv(tmp_path, text))
    assert (dialect.delimiter, dialect.decimal) == (delimiter, decimal)
