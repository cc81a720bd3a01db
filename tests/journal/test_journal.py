import errno
import json
import os
import socket
import subprocess
import sys
import time

import pytest
from conftest import ROOT

from churn.journal.bound import Bound
from churn.journal.writer import Journal

BYTES = 2**30


def line(number):
    return json.dumps({"number": number}).encode() + b"\n"


def numbers(folder):
    files = sorted(folder.glob("predictions*"), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(text)["number"] for path in files for text in path.read_text().splitlines()]


def test_each_process_has_a_file_of_its_own(tmp_path):
    journal = Journal(Bound(tmp_path / "logs", BYTES))
    journal.append(line(1))
    assert [path.name for path in (tmp_path / "logs").iterdir()] == [
        f"predictions-{socket.gethostname()}-{os.getpid()}.jsonl"
    ]


def test_a_line_is_in_the_file_when_append_returns(tmp_path):
    journal = Journal(Bound(tmp_path, BYTES))
    journal.append(line(1))
    journal.append(line(2) + line(3))
    assert numbers(tmp_path) == [1, 2, 3]


def test_a_file_is_closed_at_its_size_and_nothing_is_lost(tmp_path):
    journal = Journal(Bound(tmp_path, 32 * 100))
    for number in range(40):
        journal.append(line(number))
    files = list(tmp_path.glob("predictions*"))
    assert len(files) > 4
    assert all(path.stat().st_size <= 100 for path in files)
    assert sorted(numbers(tmp_path)) == list(range(40))


def test_more_at_once_than_a_file_may_hold_is_refused_and_the_next_line_is_not(tmp_path):
    journal = Journal(Bound(tmp_path, 32 * 100))
    journal.append(line(1))
    with pytest.raises(OSError, match="101 bytes at once are more than a 32nd of CHURN_JOURNAL_MAX_BYTES"):
        journal.append(b"x" * 100 + b"\n")
    journal.append(line(2))
    assert numbers(tmp_path) == [1, 2]


def test_a_half_line_of_an_earlier_process_does_not_spoil_the_next(tmp_path):
    journal = Journal(Bound(tmp_path, BYTES))
    journal.path.write_bytes(line(1) + b'{"number": ')
    journal.append(line(2))
    assert journal.path.read_bytes() == line(1) + b'{"number": \n' + line(2)


def test_a_file_that_is_deleted_or_moved_is_begun_again(tmp_path):
    journal = Journal(Bound(tmp_path, BYTES))
    journal.append(line(1))
    journal.path.rename(tmp_path / "moved-away")
    time.sleep(1.1)  # it looks once a second
    journal.append(line(2))
    assert journal.path.read_bytes() == line(2)


def test_a_folder_that_cannot_be_made_is_an_error_and_heals(tmp_path):
    blocker = tmp_path / "logs"
    blocker.write_text("a file where the folder should be")
    journal = Journal(Bound(blocker, BYTES))
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
from churn.journal.bound import Bound
from churn.journal.writer import Journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(Bound(Path({str(tmp_path)!r}), 2**30))
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
    journal = Journal(Bound(tmp_path, BYTES))
    journal.append(line(1))
    journal.close()
    journal.append(line(2))
    assert numbers(tmp_path) == [1, 2]
