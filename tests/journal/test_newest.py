"""Journal files as they are found: rotated, compressed, cut, deleted, out of order."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from drift_samples import SERVED, TAG, at, from_the_ends, line, minutes_of, moment, write_journal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_oracle import expected_window

from churn.drift import window
from churn.drift.window import read_window
from churn.errors import NothingToJudge
from churn.journal import newest
from churn.journal.files import LONGEST_LINE
from churn.journal.scan import Scan

pytestmark = pytest.mark.slow


@from_the_ends
@pytest.mark.parametrize(("last_n", "since"), [(None, moment(-1)), (200, moment(-1))])
def test_an_old_time_at_the_end_of_a_file_hides_nothing_before_it(tmp_path, monkeypatch, tail_bytes, last_n, since):
    monkeypatch.setattr(newest, "TAIL_BYTES", tail_bytes)
    hours = 3600.0
    write_journal(tmp_path / "predictions-a-1.jsonl", *(at(s) for s in range(300)), line(-3 * hours))
    write_journal(tmp_path / "predictions-b-1.jsonl", *(line(-2 * hours) for _ in range(300)))
    read = read_window(tmp_path, SERVED, last_n, since)
    assert minutes_of(read) == list(range(300))[-(last_n or 300) :]
    assert (read.first, read.last) == (moment(300 - read.rows), moment(299))


@from_the_ends
def test_the_first_and_the_last_moment_are_right_where_times_are_out_of_order(tmp_path, monkeypatch, tail_bytes):
    monkeypatch.setattr(newest, "TAIL_BYTES", tail_bytes)
    write_journal(tmp_path / "predictions-a-1.jsonl", at(5), at(9), at(3), at(7))
    read = read_window(tmp_path, SERVED, 500)
    assert (read.first, read.last) == (moment(3), moment(9))


def test_of_files_that_lie_before_since_only_the_ends_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Scan, "drop_pieces", None)  # which comes before a file is read whole
    for part in range(5):
        write_journal(tmp_path / f"predictions-{part}.jsonl", line(0) * 25_000, *[line(3600)] * (part == 0))
    assert read_window(tmp_path, SERVED, None, moment(60)).rows == 1


@from_the_ends
@pytest.mark.parametrize("name", ["predictions-a-1.jsonl.old", "predictions-a-1.jsonl.gz"])
@pytest.mark.parametrize("packed", [True, False], ids=["compressed", "plain"])
def test_a_file_is_read_for_what_it_is_not_for_its_name(tmp_path, monkeypatch, tail_bytes, name, packed):
    monkeypatch.setattr(newest, "TAIL_BYTES", tail_bytes)
    content = b"".join(at(s) for s in range(10))
    (tmp_path / name).write_bytes(gzip.compress(content) if packed else content)
    write_journal(tmp_path / "predictions-b-1.jsonl", *(at(s) for s in range(10, 20)))
    read = read_window(tmp_path, SERVED, 500)
    assert (minutes_of(read), read.broken) == (list(range(20)), 0)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_that_is_deleted_while_files_are_listed_is_left_out(tmp_path, monkeypatch, compressed):
    gone = write_journal(tmp_path / f"predictions-a-1.jsonl{'.gz' * compressed}", at(0))
    write_journal(tmp_path / "predictions-b-1.jsonl", at(1))
    is_file = Path.is_file

    def is_file_and_then_deleted(path):
        answer = is_file(path)
        if path == gone:
            gone.unlink(missing_ok=True)
        return answer

    monkeypatch.setattr(Path, "is_file", is_file_and_then_deleted)
    assert minutes_of(read_window(tmp_path, SERVED, 500)) == [1]


@from_the_ends
@pytest.mark.parametrize("left", [[1, 2], []], ids=["some left", "none left"])
def test_a_file_that_is_deleted_before_it_is_read_is_left_out(tmp_path, monkeypatch, tail_bytes, left):
    monkeypatch.setattr(newest, "TAIL_BYTES", tail_bytes)
    files = [tmp_path / "predictions-a-1.jsonl", tmp_path / "predictions-a-2.jsonl.gz"]
    if left:
        files.append(write_journal(tmp_path / "predictions-b-1.jsonl", *(at(s) for s in left)))
    monkeypatch.setattr(window, "journal_files", lambda folder: files)
    if left:
        assert minutes_of(read_window(tmp_path, SERVED, 500)) == left
    else:
        with pytest.raises(NothingToJudge, match="is empty"):
            read_window(tmp_path, SERVED, 500)


@from_the_ends
def test_all_that_can_be_decompressed_counts(tmp_path, monkeypatch, tail_bytes):
    monkeypatch.setattr(newest, "TAIL_BYTES", tail_bytes)
    path = write_journal(tmp_path / "predictions-a-1.1.jsonl.gz", *(at(s) for s in range(600)))
    path.write_bytes(path.read_bytes()[:-8])  # without its checksum
    write_journal(tmp_path / "predictions-a-1.jsonl", at(600))
    read = read_window(tmp_path, SERVED, 1000)
    assert (minutes_of(read), read.broken) == (list(range(601)), 1)


@from_the_ends
def test_of_a_compressed_file_that_was_cut_the_readable_part_counts(tmp_path, monkeypatch, tail_bytes):
    monkeypatch.setattr(newest, "TAIL_BYTES", tail_bytes)
    rng = np.random.default_rng(1)
    path = write_journal(
        tmp_path / "predictions-a-1.1.jsonl.gz", *(at(s, request_id=rng.bytes(16).hex()) for s in range(2000))
    )
    path.write_bytes(path.read_bytes()[:30_000])
    write_journal(tmp_path / "predictions-a-1.jsonl", *(at(s) for s in range(2000, 2010)))
    read = read_window(tmp_path, SERVED, 500)
    assert (read.rows, read.last) == (500, moment(2009))
    assert 1 <= read.broken <= 2, "the file that was cut, and perhaps half a line at its end"


def test_a_compressed_file_is_not_opened_when_what_is_newer_is_enough(tmp_path):
    old = write_journal(tmp_path / "predictions-a-1.1.jsonl.gz", at(0))
    old.write_bytes(old.read_bytes()[:2] + b"damaged")
    os.utime(old, (moment(0) / 1e6, moment(0) / 1e6))
    write_journal(tmp_path / "predictions-a-1.jsonl", *(at(s) for s in range(10_000, 10_010)))
    assert read_window(tmp_path, SERVED, 10).broken == 0
    assert read_window(tmp_path, SERVED, 11).broken == 1


def test_a_compressed_file_that_lies_before_since_is_not_opened(tmp_path):
    old = write_journal(tmp_path / "predictions-a-1.1.jsonl.gz", at(0))
    old.write_bytes(old.read_bytes()[:2] + b"damaged")
    os.utime(old, (moment(0) / 1e6, moment(0) / 1e6))
    write_journal(tmp_path / "predictions-a-1.jsonl", *(at(s) for s in range(10_000, 10_010)))
    assert read_window(tmp_path, SERVED, None, moment(9_000)).broken == 0


@pytest.mark.parametrize(("length", "packed"), [(5, False), (40, False), (40, True)])
def test_a_file_without_line_ends_is_one_broken_line_of_bounded_size(tmp_path, packed, length):
    """DuckDB takes no line of more than 16 MiB; a crash may leave a whole file of zeros."""
    path = tmp_path / f"predictions-a-1.jsonl{'.gz' * packed}"
    write_journal(path, at(1), b"\0" * (length * LONGEST_LINE), b"\n", at(2), at(3)[:50])
    write_journal(tmp_path / "predictions-b-1.jsonl", at(4))
    read = read_window(tmp_path, SERVED, 500)
    assert (minutes_of(read), read.broken) == ([1, 2, 4], 2)


def test_lines_after_a_clock_was_set_back_are_in_their_window(tmp_path, monkeypatch):
    """By fewer lines than half an end is long: 9 of about 340 bytes here."""
    monkeypatch.setattr(newest, "TAIL_BYTES", 20_000)
    paths = []
    for number, back in enumerate((8, 0, 5)):
        steps = [*range(100), *(n - back + 0.5 for n in range(100, 200))]
        paths.append(write_journal(tmp_path / f"predictions-{number}.jsonl", *(at(3 * n + number) for n in steps)))
    for last_n in (1, 20, 290, 310, 330):
        check_against_oracle(tmp_path, paths, last_n, None)


lines_of_files = st.lists(
    st.tuples(st.integers(0, 60), st.booleans(), st.integers(0, 2**32 - 1)), min_size=1, max_size=5
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines_of_files,
    st.sampled_from([0, 700, 3000, 9000, 100_000]),
    st.one_of(st.none(), st.integers(1, 80)),
    st.one_of(st.none(), st.integers(-5, 400)),
)
def test_a_window_is_that_of_all_lines(tmp_path, files, tail_bytes, last_n, since):
    """Files of several writers and models, in order but for neighbours, some of them compressed."""
    for path in tmp_path.iterdir():
        path.unlink()
    paths = []
    for number, (rows, packed, seed) in enumerate(files):
        rng = np.random.default_rng(seed)
        seconds = np.sort(rng.choice(400, rows, replace=False)) + number / 10
        for place in range(0, rows - 1, 2):  # not further from its place than half of any end
            if tail_bytes >= 9000 and rng.random() < 0.3:
                seconds[[place, place + 1]] = seconds[[place + 1, place]]
        lines = [at(float(s), model=TAG if rng.random() < 0.8 else "other:v1") for s in seconds]
        path = write_journal(tmp_path / f"predictions-{number}.jsonl{'.gz' * packed}", *lines)
        changed = moment(float(seconds.max(initial=0))) / 1e6 - 3600 * rng.random()  # as a clock that is behind says
        os.utime(path, (changed, changed))
        paths.append(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(newest, "TAIL_BYTES", tail_bytes)
        patch.setattr(newest, "_FIRST", 1)
        check_against_oracle(tmp_path, paths, last_n, None if since is None else moment(since))


def check_against_oracle(folder, paths, last_n, since):
    expected = expected_window(paths, SERVED, last_n, since)
    if not expected.found:
        with pytest.raises(NothingToJudge):
            read_window(folder, SERVED, last_n, since)
        return
    read = read_window(folder, SERVED, last_n, since)
    assert minutes_of(read) == sorted(record.features["avg_session_minutes"] for record in expected.found)
    assert (read.first, read.last) == (expected.found[0].moment, expected.found[-1].moment)
    assert (read.others, read.broken, read.future.rows) == (expected.others, expected.broken, expected.future)
