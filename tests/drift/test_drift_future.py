"""Journal lines dated later than now: written by a clock that was ahead, they are left out, counted and named."""

import json
import os
from datetime import UTC, datetime, timedelta

import pytest
from drift_samples import SERVED, TAG, at, from_the_ends, line, minutes_of, moment, write_journal
from test_drift_cli import drift_home, lines_of, log, run  # noqa: F401 - fixtures among them
from test_drift_performance import measure, predictions, write_labels

from churn.drift.window import read_window
from churn.errors import NothingToJudge
from churn.journal import newest
from churn.journal.moments import parse_moment
from churn.journal.record import FutureLines

pytestmark = pytest.mark.slow

AHEAD = "2099-01-01T00:00:00Z"
NO_DRIFT, CANNOT_JUDGE = 0, 4


def ahead(number=0, **more):
    """A line of a clock that is ahead, in order."""
    return line(ts=(datetime(2099, 1, 1, tzinfo=UTC) + timedelta(seconds=number)).isoformat(), **more)


def minutes_from_now(minutes):
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


@from_the_ends
@pytest.mark.parametrize("where", ["at the end", "in the middle", "in a file of its own", "in a compressed file"])
@pytest.mark.parametrize(("last_n", "since"), [(10, None), (None, moment(10)), (10, moment(5))])
def test_a_clock_that_is_ahead_owns_no_window(tmp_path, monkeypatch, tail_bytes, where, last_n, since):
    monkeypatch.setattr(newest, "TAIL_BYTES", tail_bytes)
    good, block = [at(s) for s in range(20)], [ahead(n) for n in range(600)]
    match where:
        case "at the end":
            good += block
        case "in the middle":
            good[15:15] = block
        case "in a file of its own":
            write_journal(tmp_path / "predictions-b-1.jsonl", *block)
        case "in a compressed file":
            write_journal(tmp_path / "predictions-b-1.jsonl.gz", *block)
    write_journal(tmp_path / "predictions-a-1.jsonl", *good)
    read = read_window(tmp_path, SERVED, last_n, since)
    assert minutes_of(read) == list(range(10, 20))
    assert (read.last, read.broken, read.others) == (moment(19), 0, {})
    assert read.future == FutureLines(600, parse_moment("2099-01-01T00:09:59Z"))


@from_the_ends
@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("since", [None, moment(0)])
def test_an_old_file_is_reached_behind_a_block_of_such_lines(tmp_path, monkeypatch, tail_bytes, compressed, since):
    monkeypatch.setattr(newest, "TAIL_BYTES", tail_bytes)
    old = write_journal(tmp_path / f"predictions-a-1.1.jsonl{'.gz' * compressed}", *(at(s) for s in range(20)))
    os.utime(old, (moment(20) / 1e6, moment(20) / 1e6))
    write_journal(tmp_path / "predictions-a-1.jsonl", *(at(s) for s in range(20, 30)), *(ahead(n) for n in range(300)))
    read = read_window(tmp_path, SERVED, 25, since)
    assert minutes_of(read) == list(range(5, 30))
    assert read.future.rows == 300


@from_the_ends
def test_a_file_that_was_changed_later_than_now_is_read_in_its_turn(tmp_path, monkeypatch, tail_bytes):
    monkeypatch.setattr(newest, "TAIL_BYTES", tail_bytes)
    old = write_journal(tmp_path / "predictions-a-1.1.jsonl.gz", *(at(s) for s in range(20)), ahead())
    os.utime(old, (parse_moment(AHEAD) / 1e6, parse_moment(AHEAD) / 1e6))
    write_journal(tmp_path / "predictions-a-1.jsonl", *(at(s) for s in range(20, 30)))
    read = read_window(tmp_path, SERVED, 15)
    assert (minutes_of(read), read.future.rows) == (list(range(15, 30)), 1)


@from_the_ends
def test_clocks_may_differ_by_five_minutes(tmp_path, monkeypatch, tail_bytes):
    monkeypatch.setattr(newest, "TAIL_BYTES", tail_bytes)
    lines = [line(ts=minutes_from_now(minutes)) for minutes in (-1, 4, 6)]
    write_journal(tmp_path / "predictions-a-1.jsonl", *lines)
    read = read_window(tmp_path, SERVED, 500)
    assert (read.rows, read.future.rows) == (2, 1)


@from_the_ends
@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([ahead(), ahead(1)], r"has no record of churn_model_v1:v1 up to now; left out: 2 lines dated later than now"),
        ([ahead(), b"{broken\n"], r"; left out: 1 line dated later than now \(up to 2099-01-01T00:00:00Z\): the clock"),
        ([ahead(), line(model="other:v1")], r"only of others: other:v1 \(1\); left out: 1 line dated"),
        ([ahead(model="other:v1")], r"has no record of churn_model_v1:v1 up to now; left out: 1 line dated"),
    ],
)
def test_where_nothing_else_is_left_the_message_says_so(tmp_path, monkeypatch, tail_bytes, lines, says):
    monkeypatch.setattr(newest, "TAIL_BYTES", tail_bytes)
    write_journal(tmp_path / "predictions-a-1.jsonl", *lines)
    for since in (None, moment(0)):
        with pytest.raises(NothingToJudge, match=says if since is None or "others" in says else "; left out: "):
            read_window(tmp_path, SERVED, 500, since)


def test_the_command_names_them_in_table_report_and_page(drift_home, capsys):  # noqa: F811
    log(drift_home, *lines_of(300), *[ahead(n, features={"region": "ZZ"}) for n in range(600)])
    for arguments in ((), ("--since", "2024-11-20T00:00Z"), ("--last-n", "150000")):
        code, out, err = run(capsys, *arguments)
        assert (code, err) == (NO_DRIFT, ""), arguments
        assert "300 predictions from" in out
        assert "left out: 600 lines dated later than now (up to 2099-01-01T00:09:59Z)" in out
        found = json.loads((drift_home.registry / "drift_report.json").read_bytes())["window"]
        assert (found["future_lines"], found["latest_future_utc"]) == (600, "2099-01-01T00:09:59Z")
        assert "600 lines dated later than now" in (drift_home.registry / "drift_report.html").read_text()


def test_the_command_cannot_judge_what_is_left_and_says_why(drift_home, capsys):  # noqa: F811
    log(drift_home, *lines_of(99), *[ahead(n) for n in range(600)])
    code, _, err = run(capsys)
    assert (code, "has only 99 logged predictions" in err) == (CANNOT_JUDGE, True)
    assert "left out: 600 lines dated later than now" in err
    log(drift_home, *[ahead(n) for n in range(600)])
    code, _, err = run(capsys, "--since", "24h")
    assert (code, "left out: 600 lines dated later than now" in err) == (CANNOT_JUDGE, True)


def test_a_prediction_of_a_clock_that_is_ahead_is_no_last_one(tmp_path):
    ids, _, truth, lines = predictions()
    labels = write_labels(tmp_path / "labels.csv", ids, truth)
    expected = measure(tmp_path, lines, labels)
    assert (expected.future, expected.as_json()["future_lines"]) == (FutureLines(), 0)
    wrong = [ahead(n, request_id=ids[n], probability=0.99, prediction=1) for n in range(50)]
    done = measure(tmp_path, wrong + lines, labels)
    assert [model.metrics for model in done.models] == [model.metrics for model in expected.models]
    assert done.as_json() == expected.as_json() | {
        "future_lines": 50,
        "latest_future_utc": "2099-01-01T00:00:49Z",
    }


def test_labels_of_nothing_but_such_predictions_cannot_be_judged(tmp_path):
    ids, _, truth, _ = predictions()
    lines = [ahead(n, request_id=name) for n, name in enumerate(ids)]
    labels = write_labels(tmp_path / "labels.csv", ids, truth)
    with pytest.raises(NothingToJudge, match=r"none of the 600 labels.*; left out: 600 lines dated later than now"):
        measure(tmp_path, lines, labels)
    some = [line(0, TAG, name) for name in ids[:40]]
    with pytest.raises(NothingToJudge, match=r"too few labelled predictions.*; left out: 600 lines dated later"):
        measure(tmp_path, some + lines, labels)


def test_the_performance_command_names_them(tmp_path, trained_home):
    ids, _, truth, lines = predictions()
    write_journal(tmp_path / "logs" / "predictions-a-1.jsonl", *lines, ahead())
    (tmp_path / "registry").symlink_to(trained_home.registry)
    labels = write_labels(tmp_path / "labels.csv", ids, truth)
    done = trained_home.run("drift.py", "performance", "--labels", str(labels), CHURN_HOME=str(tmp_path))
    assert "; left out: 1 line dated later than now (up to 2099-01-01T00:00:00Z)" in done.stdout, done.stderr
