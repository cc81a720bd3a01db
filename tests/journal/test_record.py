"""One journal line, as drift reads it."""

import json

import pytest
from drift_samples import BROKEN, SERVED, at, line, minutes_of, moment, write_journal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn.drift.window import read_window
from churn.journal.moments import format_moment, parse_moment
from churn.journal.record import journal_line


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_line_is_skipped_and_counted(tmp_path, kind):
    write_journal(tmp_path / "predictions-a-1.jsonl", at(1), BROKEN[kind], b"\n", at(2))
    read = read_window(tmp_path, SERVED, 500)
    assert minutes_of(read) == [1, 2]
    assert read.broken == 1


@pytest.mark.parametrize("value", [None, "7", " 35.5 ", "nan", True, [7], {}])
def test_a_number_that_is_absent_or_of_the_wrong_type_is_missing(tmp_path, value):
    write_journal(tmp_path / "predictions-a-1.jsonl", line(0), line(1, features={"tenure_months": value}))
    features = read_window(tmp_path, SERVED, 500).features
    assert {name: summary.missing for name, summary in features.items() if summary.missing} == {"tenure_months": 1}


@pytest.mark.parametrize(("value", "category"), [(7, "7"), (True, "true"), (1.5, "1.5"), ("[EU]", "[EU]")])
def test_a_category_that_is_no_text_is_the_text_of_its_json(tmp_path, value, category):
    write_journal(tmp_path / "predictions-a-1.jsonl", line(0), line(1, features={"region": value}))
    assert read_window(tmp_path, SERVED, 500).features["region"].counts == {"EU": 1, category: 1}


@pytest.mark.parametrize("value", [["EU"], [], {"a": "b"}, [{"a": ["EU"]}]])
def test_a_nested_value_is_no_text(tmp_path, value):
    """A nested category is a missing one, a nested model a broken line."""
    nested = (line(1, features={"region": value}), line(2, model=value))
    write_journal(tmp_path / "predictions-a-1.jsonl", line(0), *nested)
    read = read_window(tmp_path, SERVED, 500)
    assert (read.features["region"].counts, read.features["region"].missing) == ({"EU": 1}, 1)
    assert (read.rows, read.broken, read.others) == (2, 1, {})


@given(st.integers(0, 4 * 10**15))
def test_a_moment_survives_formatting(micros):
    assert parse_moment(format_moment(micros)) == micros


def test_a_time_without_a_zone_is_utc_and_one_with_a_zone_is_converted():
    assert parse_moment("2024-11-20T00:00:00") == moment(0)
    assert parse_moment("2024-11-20T02:30:00+02:30") == moment(0)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=60), max_size=30))
def test_no_line_makes_the_reader_fail(tmp_path, noise):
    path = write_journal(tmp_path / "predictions-a-1.jsonl", at(1), b"\n".join([*noise, b""]), at(2))
    read = read_window(tmp_path, SERVED, 500)
    assert minutes_of(read) == [1, 2]
    assert read.broken == sum(bool(text.strip()) for text in path.read_bytes().split(b"\n")) - 2


def test_a_category_nested_too_deeply_to_be_written_is_missing(tmp_path):
    nested = b"[" * 500 + b"]" * 500
    deep = line(features={"region": 0}).replace(b'"region": 0', b'"region": ' + nested)
    write_journal(tmp_path / "predictions-a-1.jsonl", line(), deep)
    region = read_window(tmp_path, SERVED, 500).features["region"]
    assert (region.counts, region.missing) == ({"EU": 1}, 1)


def test_the_line_of_an_answer_is_read_as_that_answer(tmp_path):
    answer = line(7, probability=0.25).rstrip().replace(b', "schema_version": 1', b"")
    written = journal_line(answer)
    assert json.loads(written) == json.loads(answer) | {"schema_version": 1}
    assert written.count(b"\n") == written.endswith(b"\n") == 1
    write_journal(tmp_path / "predictions-a-1.jsonl", written)
    read = read_window(tmp_path, SERVED, 500)
    assert (read.last, read.prediction.values.tolist(), read.broken) == (moment(7), [0.25], 0)
