"""The bound on the journal of all processes: what is removed, what never is, and that nobody writes beyond it."""

import os
import time
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.journal.bound import Bound, JournalFull, kept_files
from churn.journal.writer import Journal
from churn.settings import read_settings

BYTES = 32 * 1024
"""So that a file holds 1,024 bytes, and takes 128 of the bound at least."""


def put(folder, name, size, seconds_ago):
    path = folder / f"predictions-{name}.jsonl"
    path.write_bytes(b"x" * (size - 1) + b"\n")
    changed = time.time() - seconds_ago
    os.utime(path, (changed, changed))
    return path


def names(folder):
    return {path.name for path in folder.iterdir()}


def later(monkeypatch, seconds):
    now = time.monotonic() + seconds
    monkeypatch.setattr(time, "monotonic", lambda: now)


def of_process(folder, pid, monkeypatch, bound=BYTES):
    """A journal as another process would have it."""
    with monkeypatch.context() as patched:
        patched.setattr(os, "getpid", lambda: pid)
        return Journal(Bound(folder, bound))


def test_the_oldest_files_go_first_and_are_counted(tmp_path):
    for number in range(40):
        put(tmp_path, f"gone-1.{number}", 1000, 4000 - number)
    removed = []
    Journal(Bound(tmp_path, BYTES, removed.append)).append(b"{}\n")
    kept = sorted(int(path.name.split(".")[1]) for path in tmp_path.glob("predictions-gone*"))
    assert kept == list(range(9, 40))  # 31 of 1,000 bytes beside 1,024 for the new one
    assert removed == [1000] * 9


def test_a_file_that_may_be_written_to_stays_and_an_idle_or_closed_one_goes(tmp_path):
    put(tmp_path, "live-1", 1000, 200)
    put(tmp_path, "idle-2", 1000, 400)
    put(tmp_path, "closed-3.1", 1000, 100)
    Bound(tmp_path, 1024).make_room(time.time())
    assert names(tmp_path) == {"predictions-live-1.jsonl"}


def test_a_file_that_another_writes_to_counts_as_full(tmp_path):
    put(tmp_path, "live-1", 10, 1)
    put(tmp_path, "closed-2.1", 31 * 1024 - 1, 100)
    Bound(tmp_path, BYTES).make_room(time.time())
    assert len(names(tmp_path)) == 2
    put(tmp_path, "live-3", 10, 1)
    Bound(tmp_path, BYTES).make_room(time.time())
    assert names(tmp_path) == {"predictions-live-1.jsonl", "predictions-live-3.jsonl"}


def test_small_files_cannot_be_any_number(tmp_path):
    for number in range(300):
        put(tmp_path, f"gone-{number}", 1, 1000 + number)
    Bound(tmp_path, BYTES).make_room(time.time())
    assert len(names(tmp_path)) == 256
    assert "predictions-gone-299.jsonl" not in names(tmp_path)


def test_only_what_drift_reads_counts_and_goes(tmp_path):
    (tmp_path / "scoring.jsonl").write_bytes(b"x" * BYTES * 2)
    (tmp_path / "predictions-2026").mkdir()
    (tmp_path / "predictions-packed.jsonl.gz").write_bytes(b"x" * BYTES)
    put(tmp_path, "gone-1.1", 1000, 1000)
    Bound(tmp_path, BYTES).make_room(time.time() + 1)
    assert names(tmp_path) == {"scoring.jsonl", "predictions-2026", "predictions-packed.jsonl.gz"}


def test_a_file_dated_later_than_now_goes_first_unless_it_may_be_written_to(tmp_path):
    put(tmp_path, "ahead-1.1", 600, -5e7)
    put(tmp_path, "ahead-2", 600, -5e7)
    put(tmp_path, "old-3.1", 600, 1e6)
    Bound(tmp_path, 1400).make_room(time.time())
    assert names(tmp_path) == {"predictions-ahead-2.jsonl", "predictions-old-3.1.jsonl"}


def test_where_others_have_it_all_a_line_is_refused_until_there_is_room(tmp_path, monkeypatch):
    writers = [of_process(tmp_path, pid, monkeypatch) for pid in range(33)]
    for writer in writers[:-1]:
        writer.append(b"{}\n")
    with pytest.raises(JournalFull, match="all of its 32,768 bytes"):
        writers[-1].append(b"{}\n")
    assert not writers[-1].path.exists()
    os.utime(writers[0].path, (0, 0))
    with pytest.raises(JournalFull):  # for a second it does not look
        writers[-1].append(b"{}\n")
    later(monkeypatch, 2)
    writers[-1].append(b"{}\n")
    assert not writers[0].path.exists()


def test_what_cannot_be_deleted_takes_its_place_and_stops_no_line(tmp_path, monkeypatch):
    stuck = put(tmp_path, "stuck-1.1", 20_000, 9000)
    for number in range(12):
        put(tmp_path, f"gone-1.{number}", 1000, 1000 + number)
    unlink = Path.unlink

    def refusing(path, **options):
        if path == stuck:
            raise PermissionError("another user's")
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", refusing)
    journal = Journal(Bound(tmp_path, BYTES))
    journal.append(b"{}\n")
    assert stuck.exists()
    assert len(list(tmp_path.glob("predictions-gone*"))) == 11
    put(tmp_path, "stuck-1.1", BYTES, 9000)
    with pytest.raises(JournalFull):
        Journal(Bound(tmp_path, BYTES)).append(b"{}\n")


def test_a_folder_that_cannot_be_listed_takes_no_line(tmp_path, monkeypatch):
    def refusing(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(PermissionError):
        Journal(Bound(tmp_path, BYTES)).append(b"{}\n")


def test_a_writer_that_was_idle_makes_room_again_and_begins_anew_where_its_file_is_gone(tmp_path, monkeypatch):
    journal = Journal(Bound(tmp_path, BYTES))
    journal.append(b"{}\n")
    os.utime(journal.path, (1, 1))  # idle
    put(tmp_path, "closed-1.1", BYTES, 10)
    Bound(tmp_path, BYTES).make_room(time.time())
    assert names(tmp_path) == {"predictions-closed-1.1.jsonl"}
    later(monkeypatch, 400)
    journal.append(b"[]\n")
    assert names(tmp_path) == {journal.path.name}
    assert journal.path.read_bytes() == b"[]\n"


def test_the_number_of_a_file_that_was_removed_is_not_taken_again(tmp_path):
    journal = Journal(Bound(tmp_path, BYTES))
    for _ in range(3):
        journal.append(b"x" * 1023 + b"\n")
    (first,) = tmp_path.glob("*.1.jsonl")
    first.unlink()
    journal.append(b"x" * 1023 + b"\n")
    assert not first.exists()
    assert len(names(tmp_path)) == 3


@settings(max_examples=15, deadline=None)
@given(writers=st.integers(1, 20), largest=st.integers(1, 1024), choose=st.randoms(use_true_random=True))
def test_whoever_writes_what_and_when_the_bound_is_held(tmp_path_factory, writers, largest, choose):
    """Writers in any order: nobody's open file goes, and every byte is kept or counted."""
    folder, removed = tmp_path_factory.mktemp("journal"), []
    with pytest.MonkeyPatch.context() as monkeypatch:
        journals = [of_process(folder, pid, monkeypatch) for pid in range(writers)]
        for journal in journals:
            journal.bound = Bound(folder, BYTES, removed.append)
        written, written_to = 0, set()
        for _ in range(300):
            journal, size = choose.choice(journals), choose.randint(1, largest)
            journal.append(b"x" * (size - 1) + b"\n")
            written += size
            written_to.add(journal.path)
            kept = sum(file.size for file in kept_files(folder))
            assert kept <= BYTES
            assert kept + sum(removed) == written
        assert all(path.exists() for path in written_to)


def test_the_default_leaves_most_of_the_volume_to_models_and_reports():
    claim = yaml.safe_load((ROOT / "k8s" / "persistentvolumeclaim.yaml").read_text(encoding="utf-8"))
    gibibytes = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi"))
    assert read_settings({}).journal.max_bytes <= gibibytes * 2**30 / 2
