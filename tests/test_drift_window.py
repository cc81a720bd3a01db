import io
import os

import numpy as np
import pytest
from drift_samples import TAG, line, moment, write_journal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn.drift import tail, window
from churn.drift.distribution import Categories
from churn.drift.record import format_moment, parse_moment, parse_record
from churn.drift.window import read_window
from churn.errors import NothingToJudge

BROKEN = {
    "half a line": line()[:80] + b"\n",
    "no JSON": b"Traceback (most recent call last):\n",
    "not an object": b"[1, 2, 3]\n",
    "null": b"null\n",
    "two objects": line()[:-1] + line(),
    "zeros after a crash": b"\0" * 50 + b"\n",
    "not UTF-8": line().replace(b"EU", b"\xff\xfe"),
    "no time": line(ts="yesterday"),
    "no model": line(model=None),
    "probability above 1": line(probability=1.5),
    "probability is text": line(probability="high"),
    "no features": line(
        features=dict.fromkeys(("tenure_months", "num_complaints", "avg_session_minutes", "plan_type", "region"))
    ),
}


def minutes_of(read):
    numbers = read.features["avg_session_minutes"]
    return np.repeat(numbers.values, numbers.counts).tolist()


def at(seconds, **more):
    """A line whose session minutes say which one it is."""
    return line(seconds, features={"avg_session_minutes": float(seconds)}, **more)


def test_the_last_n_are_the_newest_by_time_of_all_files_rotated_and_compressed_ones_too(tmp_path):
    write_journal(tmp_path / "predictions-a-1.1.jsonl.gz", *(at(s) for s in range(40)))
    write_journal(tmp_path / "predictions-a-1.2.jsonl", *(at(s) for s in range(40, 60)))
    write_journal(tmp_path / "predictions-a-1.jsonl", *(at(s) for s in range(60, 100, 2)))
    write_journal(tmp_path / "predictions-b-1.jsonl", *(at(s) for s in range(61, 100, 2)))
    write_journal(tmp_path / "something-else.jsonl", *(at(s) for s in range(500, 600)))
    read = read_window(tmp_path, TAG, 70)
    assert minutes_of(read) == list(range(30, 100))
    assert (read.rows, read.first, read.last, read.files) == (70, moment(30), moment(99), 4)


@pytest.mark.parametrize("last_n", [3, None])
def test_since_takes_only_what_is_not_older(tmp_path, last_n):
    write_journal(tmp_path / "predictions-a-1.jsonl", *(at(s) for s in range(10)))
    assert minutes_of(read_window(tmp_path, TAG, last_n, since=moment(4))) == list(range(4, 10))[-(last_n or 10) :]


def test_records_of_other_models_are_counted_not_read(tmp_path):
    older = [at(s, model="churn_model_v1:v0") for s in range(5)]
    mixed = [at(s, model=TAG if s % 3 else "canary:v2") for s in range(5, 20)]
    write_journal(tmp_path / "predictions-a-1.jsonl", *older, *mixed)
    assert read_window(tmp_path, TAG, 500).others == {"canary:v2": 5, "churn_model_v1:v0": 5}
    assert read_window(tmp_path, TAG, 4).others == {"canary:v2": 2}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_line_is_skipped_and_counted(tmp_path, kind):
    write_journal(tmp_path / "predictions-a-1.jsonl", at(1), BROKEN[kind], b"\n", at(2))
    read = read_window(tmp_path, TAG, 500)
    assert minutes_of(read) == [1, 2]
    assert read.broken == 1


def test_a_feature_that_is_absent_or_of_the_wrong_type_is_missing(tmp_path):
    odd = line(1, features={"tenure_months": None, "region": 7, "avg_session_minutes": "long"})
    write_journal(tmp_path / "predictions-a-1.jsonl", line(0), odd)
    features = read_window(tmp_path, TAG, 500).features
    assert {name: summary.missing for name, summary in features.items() if summary.missing} == {
        "tenure_months": 1,
        "region": 1,
        "avg_session_minutes": 1,
    }


@pytest.mark.parametrize("tail_lines", [1000, 0], ids=["tail", "scan"])
def test_of_a_compressed_file_that_was_cut_the_readable_part_counts(tmp_path, monkeypatch, tail_lines):
    monkeypatch.setattr(window, "TAIL_LINES", tail_lines)
    rng = np.random.default_rng(1)
    path = write_journal(
        tmp_path / "predictions-a-1.1.jsonl.gz", *(at(s, request_id=rng.bytes(16).hex()) for s in range(2000))
    )
    path.write_bytes(path.read_bytes()[:30_000])
    write_journal(tmp_path / "predictions-a-1.jsonl", *(at(s) for s in range(2000, 2010)))
    read = read_window(tmp_path, TAG, 500)
    assert (read.rows, read.last) == (500, moment(2009))
    assert 1 <= read.broken <= 2, "the file that was cut, and perhaps half a line at its end"


def test_a_compressed_file_is_not_opened_when_what_is_newer_is_enough(tmp_path):
    old = write_journal(tmp_path / "predictions-a-1.1.jsonl.gz", at(0))
    old.write_bytes(old.read_bytes()[:2] + b"damaged")
    os.utime(old, (moment(0) / 1e6, moment(0) / 1e6))
    write_journal(tmp_path / "predictions-a-1.jsonl", *(at(s) for s in range(10_000, 10_010)))
    assert read_window(tmp_path, TAG, 10).broken == 0
    assert read_window(tmp_path, TAG, 11).broken == 1


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
        ([line(0)], moment(60), "has no record of churn_model_v1:v1 since 2026-11-20T00:01:00Z"),
    ],
)
def test_where_there_is_nothing_to_judge_the_message_says_why(tmp_path, lines, since, message):
    if lines is not None:
        write_journal(tmp_path / "predictions-a-1.jsonl", *lines)
    with pytest.raises(NothingToJudge, match=message):
        read_window(tmp_path, TAG, 500, since)


records = st.builds(
    line,
    seconds=st.integers(0, 50),
    model=st.sampled_from([TAG, "other:v1", ""]),
    probability=st.sampled_from([0.0, 0.25, 1.0, 1.5, None]),
    ts=st.sampled_from(["2026-11-20T00:00:05Z", "2026-11-20T02:00:07.5+02:00", "2026-11-20T00:00:06", "bad", None]),
    features=st.fixed_dictionaries(
        {
            "tenure_months": st.sampled_from([0, 7, 59, None, [], {}]),
            "avg_session_minutes": st.sampled_from([0.1, 35.25, 1e300, None]),
            "region": st.sampled_from(["EU", "x" * 40, "Ünï\u2028", "", None]),
        }
    ),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(records, st.sampled_from(sorted(BROKEN.values()))), min_size=1, max_size=25), st.booleans())
def test_both_ways_of_reading_agree(tmp_path, lines, cut):
    path = write_journal(tmp_path / "predictions-a-1.jsonl", *lines)
    if cut:
        path.write_bytes(path.read_bytes()[:-10])
    quick = window._read_tail([path], TAG, None, None)
    whole = window._read_whole([path], TAG, None, None, None)
    assert (quick.rows, quick.others, quick.broken) == (whole.rows, whole.others, whole.broken)
    if quick.rows:
        assert (min(quick.first, quick.last), quick.prediction.as_json()) == (whole.first, whole.prediction.as_json())
        for name, summary in quick.features.items():
            assert summary.as_json() == whole.features[name].as_json()


def test_a_window_beyond_the_tail_is_the_same_as_one_within(tmp_path, monkeypatch):
    lines = [at(s, model=TAG if s % 4 else "other:v1") for s in range(400)]
    write_journal(tmp_path / "predictions-a-1.jsonl", *lines[:250])
    write_journal(tmp_path / "predictions-b-1.jsonl.gz", *lines[250:])
    for last_n, since in ((100, None), (None, moment(77)), (20, moment(390)), (1000, None)):
        quick = read_window(tmp_path, TAG, last_n, since)
        monkeypatch.setattr(window, "TAIL_LINES", 0)
        slow = read_window(tmp_path, TAG, last_n, since)
        monkeypatch.undo()
        assert minutes_of(slow) == minutes_of(quick)
        assert (slow.key, slow.others) == (quick.key, quick.others)


def test_many_different_categories_are_bounded_and_all_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(window, "TAIL_LINES", 0)
    monkeypatch.setattr("churn.drift.scan._MAX_LISTED", 10)
    lines = [line(s, features={"region": f"R{s % 30}"}) for s in range(90)]
    write_journal(tmp_path / "predictions-a-1.jsonl", *lines)
    region = read_window(tmp_path, TAG, None).features["region"]
    assert isinstance(region, Categories)
    assert (len(region.counts), region.rows, region.others) == (10, 90, 60)


@given(st.lists(st.binary(max_size=20), max_size=30), st.booleans(), st.integers(1, 40))
def test_lines_backwards_are_the_lines_reversed(parts, ended, block):
    content = b"\n".join(parts) + (b"\n" if ended else b"")
    expected = [part for part in content.split(b"\n") if part.strip()][::-1]
    original, tail.BLOCK = tail.BLOCK, block
    try:
        assert list(tail.lines_backwards(io.BytesIO(content))) == expected
    finally:
        tail.BLOCK = original


def test_a_file_without_line_ends_is_one_broken_line_of_bounded_size(tmp_path):
    write_journal(tmp_path / "predictions-a-1.jsonl", at(1), b"x" * (5 * tail.LONGEST_LINE))
    read = read_window(tmp_path, TAG, 500)
    assert (read.rows, read.broken) == (1, 1)


@given(st.integers(0, 4 * 10**15))
def test_a_moment_survives_formatting(micros):
    assert parse_moment(format_moment(micros)) == micros


def test_a_time_without_a_zone_is_utc_and_one_with_a_zone_is_converted():
    assert parse_moment("2026-11-20T00:00:00") == moment(0)
    assert parse_moment("2026-11-20T02:30:00+02:30") == moment(0)


@given(st.binary(max_size=60))
def test_no_line_makes_the_parser_fail(noise):
    assert parse_record(noise) is None
