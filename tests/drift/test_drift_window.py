from collections import Counter

import pytest
from drift_samples import BROKEN, SERVED, TAG, at, line, minutes_of, moment, write_journal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_oracle import expected_window

from churn.drift.distribution import Categories, Numbers
from churn.drift.window import read_window
from churn.errors import NothingToJudge
from churn.journal import newest


def test_the_last_n_are_the_newest_by_time_of_all_files_rotated_and_compressed_ones_too(tmp_path):
    write_journal(tmp_path / "predictions-a-1.1.jsonl.gz", *(at(s) for s in range(40)))
    write_journal(tmp_path / "predictions-a-1.2.jsonl", *(at(s) for s in range(40, 60)))
    write_journal(tmp_path / "predictions-a-1.jsonl", *(at(s) for s in range(60, 100, 2)))
    write_journal(tmp_path / "predictions-b-1.jsonl", *(at(s) for s in range(61, 100, 2)))
    write_journal(tmp_path / "something-else.jsonl", *(at(s) for s in range(500, 600)))
    read = read_window(tmp_path, SERVED, 70)
    assert minutes_of(read) == list(range(30, 100))
    assert (read.rows, read.first, read.last, read.files) == (70, moment(30), moment(99), 4)


@pytest.mark.parametrize("last_n", [3, None])
def test_since_takes_only_what_is_not_older(tmp_path, last_n):
    write_journal(tmp_path / "predictions-a-1.jsonl", *(at(s) for s in range(10)))
    assert minutes_of(read_window(tmp_path, SERVED, last_n, since=moment(4))) == list(range(4, 10))[-(last_n or 10) :]


def test_records_of_other_models_are_counted_not_read(tmp_path):
    older = [at(s, model="churn_model_v1:v0") for s in range(5)]
    mixed = [at(s, model=TAG if s % 3 else "canary:v2") for s in range(5, 20)]
    write_journal(tmp_path / "predictions-a-1.jsonl", *older, *mixed)
    assert read_window(tmp_path, SERVED, 500).others == {"canary:v2": 5, "churn_model_v1:v0": 5}
    assert read_window(tmp_path, SERVED, 4).others == {"canary:v2": 2}


@pytest.mark.parametrize(
    ("lines", "since", "message"),
    [
        (None, None, "there is no prediction log in"),
        ([b""], None, "is empty"),
        ([b"\n\n"], None, "is empty"),
        ([b"{broken\n", b"garbage\n"], None, r"has only broken lines \(2\)"),
        (
            [line(model="other:v1"), line(model="other:v1"), line(model="third:v2")],
            None,
            r"only of others: other:v1 \(2\), third:v2 \(1\)",
        ),
        ([line(0)], moment(60), "has no record of churn_model_v1:v1 since 2024-11-20T00:01:00Z"),
    ],
)
def test_where_there_is_nothing_to_judge_the_message_says_why(tmp_path, lines, since, message):
    if lines is not None:
        write_journal(tmp_path / "predictions-a-1.jsonl", *lines)
    with pytest.raises(NothingToJudge, match=message):
        read_window(tmp_path, SERVED, 500, since)


TIMES = (
    *("2024-11-20T00:00:05Z", "2024-11-20T02:00:07.5+02:00", "2024-11-20T00:00:06", "2024-11-20 00:00", "2024-11-20"),
    *("2024-11-20T00:00:05.123456Z", "2024-11-20T00:00:05.1234567Z", "2024-11-20T00:00:05,5Z", "2024-11-20T00"),
    *("2024-11-20T000005Z", "2024-11-20T00:00:05z", "2024-11-20T24:00:00Z", "2024-11-20T23:59:60Z", "2024-02-30"),
    *("2024-11-20T00:00:05+19:59", "2024-11-20T00:00:05+0200", "2024-11-20T00:00:05 UTC", "2024-11-20Z", "٢024-11-20"),
    *("2024-11-20T00:00:05Z\n", " 2024-11-20", "infinity", "bad", "", None, 7, True, [], {}),
    *("9999-12-31T23:59:59.999999Z", "2099-01-01"),
)

records = st.builds(
    line,
    seconds=st.integers(0, 50),
    model=st.sampled_from([TAG, "other:v1", "", 5]),
    probability=st.sampled_from([0.0, 0.25, 1.0, 1, 1.5, None, "0.3", True]),
    ts=st.sampled_from(TIMES),
    features=st.fixed_dictionaries(
        {
            "tenure_months": st.sampled_from([0, 7, 59, None, [], {}, "7", "", False]),
            "avg_session_minutes": st.sampled_from([0.1, 35.25, 1e300, None]),
            "region": st.sampled_from(["EU", "x" * 40, "Ünï\u2028", '"', "", None, 5, True, {"a": [None]}]),
        }
    ),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(records, st.sampled_from(sorted(BROKEN.values()))), min_size=1, max_size=25), st.booleans())
def test_a_window_is_what_a_plain_reader_of_lines_gives(tmp_path, lines, cut):
    path = write_journal(tmp_path / "predictions-a-1.jsonl", *lines)
    if cut:
        path.write_bytes(path.read_bytes()[:-10])
    found, others, broken, future = expected_window([path], SERVED, None, None)
    if not found:
        with pytest.raises(NothingToJudge):
            read_window(tmp_path, SERVED, None)
        return
    read = read_window(tmp_path, SERVED, None)
    assert (read.rows, read.others, read.broken) == (len(found), others, broken)
    assert (read.first, read.last, read.future.rows) == (found[0].moment, found[-1].moment, future)
    assert read.prediction.as_json() == Numbers.of([record.probability for record in found]).as_json()
    for feature in SERVED.schema.feature:
        column = [record.features[feature.name] for record in found]
        expected = Categories.of(Counter(column)) if feature.is_category else Numbers.of(column)
        assert read.features[feature.name].as_json() == expected.as_json()


def test_a_window_beyond_the_ends_is_that_of_the_whole_files(tmp_path, monkeypatch):
    lines = [at(s, model=TAG if s % 4 else "other:v1") for s in range(400)]
    write_journal(tmp_path / "predictions-a-1.jsonl", *lines[:250])
    write_journal(tmp_path / "predictions-b-1.jsonl.gz", *lines[250:])
    for last_n, since in ((100, None), (None, moment(77)), (20, moment(390)), (1000, None)):
        quick = read_window(tmp_path, SERVED, last_n, since)
        monkeypatch.setattr(newest, "TAIL_BYTES", 0)
        slow = read_window(tmp_path, SERVED, last_n, since)
        monkeypatch.undo()
        assert minutes_of(slow) == minutes_of(quick)
        assert (slow.key, slow.others) == (quick.key, quick.others)


def test_many_different_categories_are_bounded_and_all_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("churn.journal.scan._MAX_LISTED", 10)
    lines = [line(s, features={"region": f"R{s % 30}"}) for s in range(90)]
    write_journal(tmp_path / "predictions-a-1.jsonl", *lines)
    region = read_window(tmp_path, SERVED, None).features["region"]
    assert isinstance(region, Categories)
    assert (len(region.counts), region.rows, region.others) == (10, 90, 60)
