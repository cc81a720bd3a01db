import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from churn.data.csv_dialect import csv_records, find_dialect
from churn.errors import DataError
from churn.scoring.files.csv_source import CsvSource
from churn.scoring.files.source import PIECE_ROWS

type Rows = list[tuple[str, ...] | str]

SMALL_BLOCK = 24
"""Bytes of a block of a few rows, whose borders fall everywhere."""
FRAGMENTS = ["a", "1", ",", ",", ",", "\n", "\n", "\r\n", "\r", '"', '""', '"x,y"', '"x\ny"', " ", "\t", "é", "NA", ";"]
HEADERS = ["a,b,c\n", "a,b,c\n", "\ufeffa,b,c\r\n", "sep=;\na;b\n", ",,\n\n a ,b,c\n", "a\n", '"a\nb",c\n', "a\tb\r"]
WILD = st.lists(st.sampled_from([*FRAGMENTS, "\0", "😀", "\x85", "\u2028", "\ufeff", "'", "\\", "nul"]), max_size=40)


def rows_of(path: Path, *, coded: bool = False, block_bytes: int = SMALL_BLOCK) -> Rows:
    """The rows in order: fields, or what is wrong with a malformed one."""
    source = CsvSource(path, block_bytes)
    names = source.schema.names
    rows: Rows = []
    for piece in source.pieces(names, coded=names if coded else ()):
        assert piece.first == len(rows)
        assert piece.rows <= PIECE_ROWS
        fields = zip(*(column.to_pylist() for column in piece.batch.columns), strict=True)
        at = {row.row: row.problem.split(":")[0] for row in piece.malformed}
        rows += [at[row] if row in at else next(fields) for row in range(piece.first, piece.first + piece.rows)]
        assert next(fields, None) is None
    return rows


def exact_rows(path: Path) -> Rows:
    dialect = find_dialect(path)
    width = len(dialect.names)
    return [
        tuple(fields) if len(fields) == width else f"{len(fields)} field{'s' * (len(fields) != 1)} instead of {width}"
        for _, fields in csv_records(path, dialect)
    ]


def outcome(read, path):
    try:
        return read(path)
    except DataError as error:
        return str(error)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(HEADERS), st.lists(WILD, min_size=1, max_size=6), st.booleans())
@example("a,b,c\n", [['"']], False)
@example("a,b,c\n", [['5",2,3\n1,2,"x\ny",2,3\n'] * 6], False)
@example("a,b,c\n", [["\ufeff1,2,3\n"] * 4], False)
@example("a,b,c\n", [["a", ",", "\r\n", '"', "\r\n", '"', ",", "1"]], False)
def test_a_wild_file_is_read_as_by_the_exact_reader(tmp_path, header, parts, coded):
    path = tmp_path / "wild.csv"
    path.write_bytes((header + "".join(map("".join, parts))).encode())

    assert outcome(lambda file: rows_of(file, coded=coded), path) == outcome(exact_rows, path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(*[st.sampled_from(["", "x", "NA", "007", 'say "hi"', "two\nlines", "a;b", " "])] * 3)))
def test_well_formed_rows_come_back_whatever_quotes_they_need(tmp_path, rows):
    path = tmp_path / "quoted.csv"
    with path.open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("a", "b", "c"), *rows])

    assert rows_of(path) == [row for row in rows if any(row)]


@pytest.mark.parametrize("row", ["1,{},2\n", '1,"{}",2\n', '1,"{}\n",2\n', "1,2,{}"])
@pytest.mark.parametrize("length", [131_071, 131_072, 131_073, 300_000])
def test_a_long_field_is_read_or_refused_as_by_the_exact_reader(tmp_path, row, length):
    path = tmp_path / "long.csv"
    path.write_text("a,b,c\n1,2,3\n" + row.format("x" * length))

    assert outcome(rows_of, path) == outcome(exact_rows, path)
    assert outcome(lambda file: rows_of(file, block_bytes=2**22), path) == outcome(exact_rows, path)
