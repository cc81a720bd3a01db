"""Journal files as they are found: rotated, compressed, cut, deleted, out of order."""

import gzip
import io
import os
from pathlib import Path

import numpy as np
import pytest
from drift_samples import TAG, at, both_readers, line, minutes_of, moment, write_journal
from hypothesis import given
from hypothesis import strategies as st

from churn.drift import window
from churn.drift.window import read_window
from churn.errors import NothingToJudge
from churn.journal import tail


@both_readers
@pytest.mark.parametrize(("last_n", "since"), [(None, moment(-1)), (200, moment(-1))])
def test_an_old_time_at_the_end_of_a_file_hides_nothing_before_it(tmp_path, monkeypatch, tail_lines, last_n, since):
    monkeypatch.setattr(window, "TAIL_LINES", tail_lines)
    hours = 3600.0
    write_journal(tmp_path / "predictions-a-1.jsonl", *(at(s) for s in range(300)), line(-3 * hours))
    write_journal(tmp_path / "predictions-b-1.jsonl", *(line(-2 * hours) for _ in range(300)))
    read = read_window(tmp_path, TAG, last_n, since)
    assert minutes_of(read) == list(range(300))[-(last_n or 300) :]
    assert (read.first, read.last) == (moment(300 - read.rows), moment(299))


@both_readers
def test_the_first_and_the_last_moment_are_right_where_times_are_out_of_order(tmp_path, monkeypatch, tail_lines):
    monkeypatch.setattr(window, "TAIL_LINES", tail_lines)
    write_journal(tmp_path / "predictions-a-1.jsonl", at(5), at(9), at(3), at(7))
    read = read_window(tmp_path, TAG, 500)
    assert (read.first, read.last) == (moment(3), moment(9))


def test_of_files_that_lie_before_since_only_the_ends_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(window, "_read_whole", None)
    for part in range(5):
        write_journal(tmp_path / f"predictions-{part}.jsonl", line(0) * 25_000, *[line(3600)] * (part == 0))
    assert read_window(tmp_path, TAG, None, moment(60)).rows == 1


@both_readers
@pytest.mark.parametrize("name", ["predictions-a-1.jsonl.old", "predictions-a-1.jsonl.gz"])
@pytest.mark.parametrize("packed", [True, False], ids=["compressed", "plain"])
def test_a_file_is_read_for_what_it_is_not_for_its_name(tmp_path, monkeypatch, tail_lines, name, packed):
    monkeypatch.setattr(window, "TAIL_LINES", tail_lines)
    content = b"".join(at(s) for s in range(10))
    (tmp_path / name).write_bytes(gzip.compress(content) if packed else content)
    write_journal(tmp_path / "predictions-b-1.jsonl", *(at(s) for s in range(10, 20)))
    read = read_window(tmp_path, TAG, 500)
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
    assert minutes_of(read_window(tmp_path, TAG, 500)) == [1]


@both_readers
@pytest.mark.parametrize("left", [[1, 2], []], ids=["some left", "none left"])
def test_a_file_that_is_deleted_before_it_is_read_is_left_out(tmp_path, monkeypatch, tail_lines, left):
    monkeypatch.setattr(window, "TAIL_LINES", tail_lines)
    files = [tmp_path / "predictions-a-1.jsonl", tmp_path / "predictions-a-2.jsonl.gz"]
    if left:
        files.append(write_journal(tmp_path / "predictions-b-1.jsonl", *(at(s) for s in left)))
    monkeypatch.setattr(window, "journal_files", lambda folder: files)
    if left:
        assert minutes_of(read_window(tmp_path, TAG, 500)) == left
    else:
        with pytest.raises(NothingToJudge, match="is empty"):
            read_window(tmp_path, TAG, 500)


@both_readers
def test_all_that_can_be_decompressed_counts(tmp_path, monkeypatch, tail_lines):
    monkeypatch.setattr(window, "TAIL_LINES", tail_lines)
    path = write_journal(tmp_path / "predictions-a-1.1.jsonl.gz", *(at(s) for s in range(600)))
    path.write_bytes(path.read_bytes()[:-8])  # without its checksum
    write_journal(tmp_path / "predictions-a-1.jsonl", at(600))
    read = read_window(tmp_path, TAG, 1000)
    assert (minutes_of(read), read.broken) == (list(range(601)), 1)


@both_readers
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


@given(st.lists(st.binary(max_size=20), max_size=30), st.booleans(), st.integers(1, 40))
def test_lines_backwards_are_the_lines_reversed(parts, ended, block):
    content = b"\n".join(parts) + (b"\n" if ended else b"")
    expected = [part for part in content.split(b"\n") if part.strip()][::-1]
    original, tail.BLOCK = tail.BLOCK, block
    try:
        assert list(tail.lines_backwards(io.BytesIO(content))) == expected
    finally:
        tail.BLOCK = original


def test_a_compressed_file_that_lies_before_since_is_not_opened(tmp_path):
    old = write_journal(tmp_path / "predictions-a-1.1.jsonl.gz", at(0))
    old.write_bytes(old.read_bytes()[:2] + b"damaged")
    os.utime(old, (moment(0) / 1e6, moment(0) / 1e6))
    write_journal(tmp_path / "predictions-a-1.jsonl", *(at(s) for s in range(10_000, 10_010)))
    assert read_window(tmp_path, TAG, None, moment(9_000)).broken == 0


def test_a_file_without_line_ends_is_one_broken_line_of_bounded_size(tmp_path):
    write_journal(tmp_path / "predictions-a-1.jsonl", at(1), b"x" * (5 * tail.LONGEST_LINE))
    read = read_window(tmp_path, TAG, 500)
    assert (read.rows, read.broken) == (1, 1)
