import errno
import json
import os
import socket
import subprocess
import sys
import time

import pytest
from conftest import ROOT

from churn.journal.writer import Journal


def line(number):
    return json.dumps({"number": number}).encode() + b"\n"


def numbers(folder):
    files = sorted(folder.glob("predictions*"), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(text)["number"] for path in files for text in path.read_text().splitlines()]


def test_each_process_has_a_file_of_its_own(tmp_path):
    journal = Journal(tmp_path / "logs")
    journal.append(line(1))
    assert [path.name for path in (tmp_path / "logs").iterdir()] == [
        f"predictions-{socket.gethostname()}-{os.getpid()}.jsonl"
    ]


def test_a_line_is_in_the_file_when_append_returns(tmp_path):
    journal = Journal(tmp_path)
    journal.append(line(1))
    journal.append(line(2) + line(3))
    assert numbers(tmp_path) == [1, 2, 3]


def test_a_file_is_closed_at_its_size_and_nothing_is_lost(tmp_path):
    journal = Journal(tmp_path, max_bytes=100)
    for number in range(40):
        journal.append(line(number))
    files = list(tmp_path.glob("predictions*"))
    assert len(files) > 4
    assert all(path.stat().st_size <= 100 for path in files)
    assert sorted(numbers(tmp_path)) == list(range(40))


def test_old_files_are_deleted_beyond_the_limit_but_not_those_in_use(tmp_path):
    long_ago = time.time() - 7200
    for number in range(6):
        old = tmp_path / f"predictions-elsewhere-{number}.jsonl"
        old.write_bytes(line(number))
        os.utime(old, (long_ago + number, long_ago + number))
    recent = tmp_path / "predictions-elsewhere-recent.jsonl"
    recent.write_bytes(line(99))
    Journal(tmp_path, keep_files=3).append(line(100))
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {
        recent.name,
        f"predictions-{socket.gethostname()}-{os.getpid()}.jsonl",
        "predictions-elsewhere-5.jsonl",
    }


def test_files_dated_later_than_now_take_no_place_of_others(tmp_path):
    now = time.time()
    times = {"ahead-1": now + 5e7, "ahead-2": now + 5e7, "ahead-3": now + 4000, "idle": now - 7200, "old": now - 9000}
    for name, changed in times.items():
        path = tmp_path / f"predictions-{name}.jsonl"
        path.write_bytes(line(1))
        os.utime(path, (changed, changed))
    Journal(tmp_path, keep_files=2).append(line(100))
    kept = {path.stem.removeprefix("predictions-") for path in tmp_path.iterdir()}
    # Those that may still be written to stay, whatever their number; of the others the newest.
    assert kept == {"ahead-1", "ahead-2", "ahead-3", "idle", f"{socket.gethostname()}-{os.getpid()}"}


def test_what_cannot_be_deleted_stops_no_line(tmp_path):
    (tmp_path / "predictions-2026").mkdir()
    old = tmp_path / "predictions-elsewhere.jsonl"
    old.write_bytes(line(1))
    for path in (tmp_path / "predictions-2026", old):
        os.utime(path, (time.time() - 7200,) * 2)
    journal = Journal(tmp_path, keep_files=0)
    journal.append(line(2))
    assert journal.path.read_bytes() == line(2)
    assert not old.exists()


def test_a_half_line_of_an_earlier_process_does_not_spoil_the_next(tmp_path):
    journal = Journal(tmp_path)
    journal.path.write_bytes(line(1) + b'{"number": ')
    journal.append(line(2))
    assert journal.path.read_bytes() == line(1) + b'{"number": \n' + line(2)


def test_a_file_that_is_deleted_or_moved_is_begun_again(tmp_path):
    journal = Journal(tmp_path)
    journal.append(line(1))
    journal.path.rename(tmp_path / "moved-away")
    time.sleep(1.1)  # it looks once a second
    journal.append(line(2))
    assert journal.path.read_bytes() == line(2)


def test_a_folder_that_cannot_be_made_is_an_error_and_heals(tmp_path):
    blocker = tmp_path / "logs"
    blocker.write_text("a file where the folder should be")
    journal = Journal(blocker)
    with pytest.raises(OSError, match="logs"):
        journal.append(line(1))
    blocker.unlink()
    journal.append(line(2))
    assert numbers(blocker) == [2]


def test_a_write_that_is_cut_short_leaves_whole_lines_only(tmp_path):
    """A file-size limit cuts a write as a full disk does: some bytes are taken, then none."""
    program = f"""
import resource, signal
from pathlib import Path
from churn.journal.writer import Journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(Path({str(tmp_path)!r}))
journal.append(b'{{"number": 1}}\\n')
resource.setrlimit(resource.RLIMIT_FSIZE, (20, resource.RLIM_INFINITY))
try:
    journal.append(b'{{"number": 2}}\\n')
except OSError as error:
    print(error.errno)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.append(b'{{"number": 3}}\\n')
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT)
    assert int(done.stdout) in (errno.ENOSPC, errno.EFBIG)
    assert numbers(tmp_path) == [1, 3]


def test_closing_and_appending_again_goes_on_in_the_same_file(tmp_path):
    journal = Journal(tmp_path)
    journal.append(line(1))
    journal.close()
    journal.append(line(2))
    assert numbers(tmp_path) == [1, 2]
