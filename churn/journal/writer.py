"""Append-only prediction journal: whole JSON lines, one writer per file, rotation by size, a bounded number of files.

Each process writes `predictions-<host>-<pid>.jsonl`; when that grows over the limit it is renamed to
`predictions-<host>-<pid>.<n>.jsonl` and a new one is begun. A line is in the kernel's hands before the
answer goes out, so it survives the death of the process.
"""

import contextlib
import errno
import os
import socket
import time
from pathlib import Path

FILE_PATTERN = "predictions*"
_CHECK_SECONDS = 1.0
_IDLE_SECONDS = 3600.0
_CLOCKS_DIFFER_SECONDS = 300.0


class Journal:
    """Appends to this process's file. Not thread-safe: one event loop writes.

    Args:
        folder: folder of the files; created when missing.
        max_bytes: size at which a file is closed and a new one begun.
        keep_files: number of closed or idle files that are kept; older ones are deleted.

    """

    def __init__(self, folder: Path, max_bytes: int = 64 * 2**20, keep_files: int = 50) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.keep_files = keep_files
        self._stem = f"predictions-{socket.gethostname()}-{os.getpid()}"
        self.path = folder / f"{self._stem}.jsonl"
        self._descriptor = -1
        self._size = 0
        self._checked = 0.0

    def append(self, lines: bytes | memoryview) -> None:
        """Write whole lines, each ended by a newline.

        Raises:
            OSError: nothing of `lines` is in the file; the next call tries again.
        """
        now = time.monotonic()
        if now - self._checked > _CHECK_SECONDS:
            self._checked = now
            self._close_if_moved()
        try:
            if self._descriptor < 0:
                self._open()
            elif self._size and self._size + len(lines) > self.max_bytes:
                self._rotate()
            self._write(lines)
        except OSError:
            self.close()  # opening it again also mends a half line
            raise

    def close(self) -> None:
        """Close the file; a later append opens it again."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
        self._descriptor = -1

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._size = os.fstat(self._descriptor).st_size
        # After a restart with the same process id, a half line may be left from a write that was cut.
        if self._size and os.pread(self._descriptor, 1, self._size - 1) != b"\n":
            self._size += os.write(self._descriptor, b"\n")
        self._delete_oldest()

    def _close_if_moved(self) -> None:
        """The volume may have been unmounted and mounted again, or somebody may have deleted the file."""
        if self._descriptor < 0:
            return
        try:
            same = self.path.stat().st_ino == os.fstat(self._descriptor).st_ino
        except OSError:
            same = False
        if not same:
            self.close()

    def _rotate(self) -> None:
        number = 1
        while (target := self.folder / f"{self._stem}.{number}.jsonl").exists():
            number += 1
        self.path.rename(target)
        self.close()
        self._open()

    def _write(self, lines: bytes | memoryview) -> None:
        written = os.write(self._descriptor, lines)
        if written != len(lines):
            # A full disk took only a part: cut it off again, so that there are whole lines only.
            os.ftruncate(self._descriptor, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written

    def _delete_oldest(self) -> None:
        """Keep the folder bounded; files written to within the hour may be another live process's."""
        found = (path for path in self.folder.glob(FILE_PATTERN) if path.is_file())
        now = time.time()

        def newest_first(path: Path) -> float:
            # Dated later than now, by a clock that was ahead: it must not take the place of others for years.
            changed = _modified(path)
            return -changed if changed <= now + _CLOCKS_DIFFER_SECONDS else 0.0

        files = sorted(found, key=newest_first)
        for path in files[self.keep_files :]:
            if path != self.path and now - _modified(path) > _IDLE_SECONDS:
                with contextlib.suppress(OSError):  # it may be another user's; tidying up stops no writing
                    path.unlink()


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process deleted it first
        return time.time()
