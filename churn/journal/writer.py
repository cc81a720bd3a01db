"""Append-only prediction journal: whole JSON lines, one writer per file, rotation by size, within a bound.

Each process writes `predictions-<host>-<pid>.jsonl`; when that is full it is renamed to
`predictions-<host>-<pid>.<n>.jsonl` and a new one is begun. A line is in the kernel's hands before the
answer goes out, so it survives the death of the process.
"""

import contextlib
import errno
import os
import socket
import time

from churn.journal.bound import Bound, JournalFull

_CHECK_SECONDS = 1.0
_ROOM_SECONDS = 60.0
"""How long the room that was made stays ours without a line; much less than `bound.WRITTEN_SECONDS`."""
_NEVER = float("-inf")


class Journal:
    """Appends to this process's file. Not thread-safe: one event loop writes.

    Args:
        bound: of the folder; it says when a file is full. The folder is created when missing.

    """

    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        self._stem = f"predictions-{socket.gethostname()}-{os.getpid()}"
        self.path = bound.folder / f"{self._stem}.jsonl"
        self._descriptor = -1
        self._size = 0
        self._rotations = 0
        self._checked = _NEVER
        self._made_room = _NEVER
        self._full = _NEVER

    def append(self, lines: bytes | memoryview) -> None:
        """Write whole lines, each ended by a newline.

        Raises:
            JournalFull: nothing of `lines` is in the file; for a second the next calls are refused at once.
            OSError: nothing of `lines` is in the file; the next call tries again.
        """
        now = time.monotonic()
        if now - self._full < _CHECK_SECONDS:
            raise JournalFull(self.bound.max_bytes)
        if now - self._checked > _CHECK_SECONDS:
            self._checked = now
            self._close_if_moved()
        try:
            if self._descriptor < 0:
                self._open()
            if self._size + len(lines) > self.bound.file_bytes:
                self._rotate(len(lines))
            if now - self._made_room > _ROOM_SECONDS:
                self._make_room(now)
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
        self.bound.folder.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._size = os.fstat(self._descriptor).st_size
        # After a restart with the same process id, a half line may be left from a write that was cut.
        if self._size and os.pread(self._descriptor, 1, self._size - 1) != b"\n":
            self._size += os.write(self._descriptor, b"\n")

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
            self._made_room = _NEVER

    def _rotate(self, length: int) -> None:
        if length > self.bound.file_bytes:
            reason = f"{length:,} bytes at once are more than a 32nd of CHURN_JOURNAL_MAX_BYTES"
            raise OSError(errno.EFBIG, reason)
        while (target := self.bound.folder / f"{self._stem}.{self._rotations + 1}.jsonl").exists():
            self._rotations += 1
        self.path.rename(target)
        self._rotations += 1  # a number that was removed is not taken again: drift may be reading that file
        self.close()
        self._made_room = _NEVER
        self._open()

    def _make_room(self, now: float) -> None:
        """Count as one that writes, and see that there is room. The file comes first, so that others count it too."""
        os.utime(self._descriptor)
        try:
            self.bound.make_room(os.fstat(self._descriptor).st_mtime)
        except JournalFull:
            self._full = now
            if not self._size:
                self.path.unlink(missing_ok=True)
            raise
        self._made_room = now

    def _write(self, lines: bytes | memoryview) -> None:
        written = os.write(self._descriptor, lines)
        if written != len(lines):
            # A full disk took only a part: cut it off again, so that there are whole lines only.
            os.ftruncate(self._descriptor, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written
