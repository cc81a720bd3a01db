"""Files that are replaced as a whole: by one module, which leaves the old ones where it fails."""

import errno
import itertools
import os

import pytest

from churn.files import replacing, write


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize("full_at", [0, 1])
def test_several_files_are_replaced_or_none(tmp_path, monkeypatch, full_at):
    one, two = tmp_path / "one.json", tmp_path / "two.html"
    write({one: b"1", two: b"2"})
    calls = itertools.count()

    def full(_):
        if next(calls) == full_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write({one: b"11", two: b"22"})
    monkeypatch.undo()
    assert content(tmp_path) == {"one.json": "1", "two.html": "2"}


def test_an_interrupt_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "a.csv").write_text("old")

    def interrupted():
        with replacing(tmp_path / "a.csv") as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert content(tmp_path) == {"a.csv": "old"}


def test_other_users_may_read_what_was_written(tmp_path):
    before = os.umask(0o022)
    try:
        write({tmp_path / "a": b""})
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_one_module_replaces_files(pytestconfig):
    sources = [*pytestconfig.rootpath.glob("churn/**/*.py"), *pytestconfig.rootpath.glob("serving/**/*.py")]
    signs = ("os.fsync", "os.replace", ".tmp")
    found = {path.name for path in sources if any(sign in path.read_text(encoding="utf-8") for sign in signs)}
    assert found == {"files.py"}
