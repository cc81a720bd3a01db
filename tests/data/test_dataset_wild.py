"""Reading what chance makes: it comes back equal or is refused as it should be; and what people see meanwhile."""

import json
import sys

import duckdb
import pandas as pd
from dataset_files import BUNDLED, HEADER, LINE_AFTER, RECORD, VALID, csv, message, read_bundled
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn import console as progress
from churn.data.columns import Columns
from churn.errors import DataError, RecordError
from churn.schema.record import RecordValidator

COLUMNS = Columns(BUNDLED)
VALIDATOR = RecordValidator(BUNDLED)

quick = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

texts = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=12).filter(str.strip)
customers = st.tuples(
    st.integers(0, 200),
    st.integers(0, 50),
    st.floats(0, 500, allow_nan=False).map(lambda value: value + 0.0),
    texts,
    texts,
    st.integers(0, 1),
)


@quick
@given(rows=st.lists(customers, min_size=1, max_size=30))
def test_valid_rows_come_back_equal(tmp_path, rows):
    rows = [*rows, (*rows[0][:5], 1 - rows[0][5])]
    frame = pd.DataFrame(rows, columns=HEADER.strip().split(","))
    path = tmp_path / "generated.csv"
    frame.to_csv(path, index=False)
    expected = frame.copy()
    for feature in BUNDLED.categories:
        expected[feature.name] = expected[feature.name].map(feature.category.uniform)
    with duckdb.connect() as connection:
        connection.register("rows", frame)
        connection.table("rows").write_parquet(str(tmp_path / "generated.parquet"))
    for source in (path, tmp_path / "generated.parquet"):
        dataset = read_bundled(source)
        for name in BUNDLED.feature_names:
            assert dataset.frame[name].tolist() == expected[name].tolist()
        assert dataset.target.tolist() == expected["churn"].tolist()


@quick
@given(content=st.binary(max_size=300), after=st.booleans())
def test_random_bytes_raise_nothing_but_data_error(tmp_path, content, after):
    for name, begin, end in (("x.csv", VALID.encode() if after else b"", b""), ("x.parquet", b"PAR1", b"PAR1")):
        try:
            dataset = read_bundled(csv(tmp_path, begin + content + end, name))
        except DataError as error:
            assert name in str(error)  # noqa: PT017 - either outcome is right
        else:
            assert dataset.rows >= 100


@quick
@given(field=st.text(st.sampled_from(" 0159.eE+-naif_x\t\u0661"), max_size=6), column=st.sampled_from(range(3)))
def test_numbers_are_those_that_the_diagnosis_takes(tmp_path, field, column):
    """The fast parser and the exact one agree on what a number is: none gets through, none fails unexplained."""
    fields = ["1", "1", "1"]
    fields[column] = field
    try:
        number = float(field) if field else None
        right = number is None or (field.isascii() and "_" not in field and 0 <= number <= 50)
        right = right and (number is None or column == 2 or number.is_integer())
    except ValueError:
        right = False
    content = VALID + ",".join(fields) + ",basic,EU,1\n"
    if right:
        assert read_bundled(csv(tmp_path, content)).rows == 101
    elif not _in_range(field):
        assert f"line {LINE_AFTER}, column {BUNDLED.feature_names[column]}: " in message(csv(tmp_path, content))


def _in_range(field: str) -> bool:
    """Whether it is a number beyond 50 that some columns allow: not judged here."""
    try:
        return float(field) > 50
    except ValueError:
        return False


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40))
def test_training_takes_the_texts_that_a_request_may_hold(text):
    plan = BUNDLED.categories[0]
    problem = COLUMNS.field_problem(plan.in_files, text)
    try:
        known = VALIDATOR.parse(json.dumps(RECORD | {plan.name: text}).encode())
    except RecordError:
        assert problem
    else:
        assert problem is None
        assert plan.category.uniform(text) == known.features[plan.name]


def test_progress_is_for_long_files_and_for_people(tmp_path, monkeypatch, capsys):
    path = csv(tmp_path, VALID)
    monkeypatch.setattr(progress, "LONG_BYTES", 100)
    read_bundled(path)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    read_bundled(path)
    assert "reading customers.csv" in capsys.readouterr().err
    monkeypatch.setattr(progress, "LONG_BYTES", 10**6)
    read_bundled(path)
    assert capsys.readouterr().err == ""
