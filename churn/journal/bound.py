"""Bound on the bytes of all journal files in a folder, whoever writes them: the oldest go for what is written next.

There is no lock and no count that processes share. Each makes room, before it begins a file, for all that this file may
become, and counts each file that another may be writing to as full. So whoever begins a file last leaves room for
every other, and none has to look again until its file is full.
"""

import errno
import os
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

FILE_PATTERN = "predictions*"
_WRITTEN_TO = re.compile(r".*-\d+\.jsonl")
"""Name of a file that its writer appends to; a closed one has a number before `.jsonl`."""
WRITTEN_SECONDS = 300.0
"""After this time without a line, nobody counts on a file's writer; caches of network file systems keep 60 s."""
_FILES_AT_ONCE = 32
_FILES = 256


class JournalFile(NamedTuple):
    """A file of the journal.

    Attributes:
        path: where it is.
        size: in bytes.
        changed: when it was last written to, in seconds since 1970 by the clock of its file system.

    """

    path: Path
    size: int
    changed: float


class JournalFull(OSError):
    """The bound cannot be held: other processes write to all that is there, or it cannot be removed."""

    def __init__(self, max_bytes: int) -> None:
        reason = f"all of its {max_bytes:,} bytes (CHURN_JOURNAL_MAX_BYTES) are in files that cannot be removed now"
        super().__init__(errno.EDQUOT, reason)


class Bound:
    """A number of bytes that all journal files of a folder keep to.

    Args:
        folder: of the files.
        max_bytes: of all files together.
        on_removal: callback with the size of each file that was removed.

    Attributes:
        file_bytes: what a file may hold: a 32nd of `max_bytes`, so that about 30 processes can write at once.

    """

    def __init__(self, folder: Path, max_bytes: int, on_removal: Callable[[int], None] = lambda _: None) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.file_bytes = max_bytes // _FILES_AT_ONCE
        self._on_removal = on_removal

    def make_room(self, now: float) -> None:
        """Remove the oldest files, until the others have room for what they may become.

        Args:
            now: by the clock of the file system.

        Raises:
            JournalFull: what cannot be removed is too much.
            OSError: the folder cannot be listed.

        """
        files = sorted(kept_files(self.folder), key=lambda file: _age(file, now), reverse=True)
        needed = sum(self._share(file, now) for file in files)
        for file in files:
            if needed <= self.max_bytes:
                return
            if not _may_be_written_to(file, now) and self._remove(file):
                needed -= self._share(file, now)
        if needed > self.max_bytes:
            raise JournalFull(self.max_bytes)

    def _share(self, file: JournalFile, now: float) -> int:
        """Bytes of the bound that a file takes. A small one takes more than it has: else there could be any number."""
        least = self.file_bytes if _may_be_written_to(file, now) else self.max_bytes // _FILES
        return max(file.size, least)

    def _remove(self, file: JournalFile) -> bool:
        """Whether the file is gone now."""
        try:
            file.path.unlink()
        except FileNotFoundError:  # another process removed it first, and counted it
            return True
        except OSError:  # another user's, perhaps
            return False
        self._on_removal(file.size)
        return True


def kept_files(folder: Path) -> Iterator[JournalFile]:
    """The files of the journal, in any order.

    Raises:
        OSError: the folder cannot be listed.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if fnmatchcase(entry.name, FILE_PATTERN):
                try:
                    status = entry.stat()
                except FileNotFoundError:  # removed since
                    continue
                if S_ISREG(status.st_mode):
                    yield JournalFile(Path(entry.path), status.st_size, status.st_mtime)


def _may_be_written_to(file: JournalFile, now: float) -> bool:
    return now - file.changed < WRITTEN_SECONDS and _WRITTEN_TO.fullmatch(file.path.name) is not None


def _age(file: JournalFile, now: float) -> float:
    """Seconds since the last line; endless where it is later than now, by a clock that was ahead.

    Such a date says nothing, and a file must not outlast others for years.
    """
    age = now - file.changed
    return age if age > -WRITTEN_SECONDS else float("inf")
