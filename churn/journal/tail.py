"""The newest records of the journal, read from the ends of its files: what came last is known at once.

Each file has one writer and so is in order of time, but for lines written while a clock was behind; the files
are merged from their ends. A compressed file can only be read from its beginning, so it is opened only when
nothing newer is left: it cannot hold records newer than its last change.
"""

import gzip
import heapq
import io
import os
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from churn.errors import JournalError
from churn.journal.record import EARLIEST, FutureLines, Record, parse_record

BLOCK = 2**18
_SMALL_BLOCK = 2**12
LONGEST_LINE = 2**20
LATE_LINES = 10_000
"""Lines older than `since` that are read on from, the same number of each file: a clock may have been set back."""
_CLOCK_SLACK = 3600 * 1_000_000
"""Microseconds by which the clock of a file system may be behind that of the service."""


class NewestFirst:
    """Iterates over the records of some journal files, newest first.

    Args:
        paths: of the files.
        until: leave out records that are newer, in microseconds since 1970 UTC: a clock was ahead.
        limit: how many lines are read at most, those that are left out included.
        since: leave out records that are older; None for any time.

    Attributes:
        read: lines read so far; more than `limit` where that has ended the iteration.
        broken: how many of them were broken.
        future: those that were newer than `until`.

    """

    def __init__(self, paths: Sequence[Path], until: int, limit: int, since: int | None = None) -> None:
        self.paths = paths
        self.until = until
        self.limit = limit
        self.since = EARLIEST if since is None else since
        self.read = 0
        self.broken = 0
        self.future = FutureLines()

    def __iter__(self) -> Iterator[Record]:
        """Raises JournalError where a file cannot be opened."""
        # Heap of (-moment, number of the file, its newest record not yet given; None while it is not opened).
        sources = [self._not_older(self._records(path)) for path in self.paths]
        heap: list[tuple[int, int, Record | None]] = []
        for number, path in enumerate(self.paths):
            if is_compressed(path):
                heapq.heappush(heap, (-(_changed(path) + _CLOCK_SLACK), number, None))
            elif (record := next(sources[number], None)) is not None:
                heapq.heappush(heap, (-record.moment, number, record))
        while heap:
            key, number, record = heapq.heappop(heap)
            if -key < self.since:
                break  # a compressed file, and all that is left are too
            if record is not None:
                yield record
            following = next(sources[number], None)
            if following is not None:
                heapq.heappush(heap, (-following.moment, number, following))

    def _not_older(self, records: Iterator[Record]) -> Iterator[Record]:
        late = 0
        for record in records:
            if record.moment >= self.since:
                late = 0
                yield record
            elif (late := late + 1) > LATE_LINES // len(self.paths):
                break

    def _records(self, path: Path) -> Iterator[Record]:
        with open_journal(path) as (file, whole):
            if not whole:
                self.broken += 1
            for line in lines_backwards(file):
                self.read += 1
                if self.read > self.limit:
                    return
                record = parse_record(line)
                if record is None:
                    self.broken += 1
                elif record.moment > self.until:
                    self.future = FutureLines(self.future.rows + 1, max(self.future.latest, record.moment))
                else:
                    yield record


def _changed(path: Path) -> int:
    """When a file was changed last, in microseconds since 1970."""
    try:
        return path.stat().st_mtime_ns // 1000
    except FileNotFoundError:  # deleted just now; it is found empty
        return 0


class open_journal:  # noqa: N801 - used like the function `open`
    """A context manager that opens a journal file for reading backwards.

    Gives the open file and whether all of it could be read: of a compressed file that was cut, what could
    be decompressed is there.

    Raises:
        JournalError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def __enter__(self) -> tuple[BinaryIO, bool]:
        try:
            if is_compressed(self.path):
                # On disk, not in memory: a journal file may be large.
                plain: BinaryIO = tempfile.TemporaryFile()
                self._file, whole = plain, _decompress(self.path, plain)
            else:
                self._file, whole = self.path.open("rb"), True
        except FileNotFoundError:  # the service has deleted its oldest file in this moment
            self._file, whole = io.BytesIO(), True
        except OSError as error:
            raise unreadable(self.path, error) from None
        return self._file, whole

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def unreadable(path: Path, error: OSError) -> JournalError:
    """The error that a journal file cannot be read."""
    return JournalError(f"{path} cannot be read ({error.strerror or error}); make it readable or move it away")


def is_compressed(path: Path) -> bool:
    """Whether the file is compressed with gzip, whatever it is called.

    Raises:
        JournalError: the file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return file.read(2) == b"\x1f\x8b"
    except FileNotFoundError:
        return False
    except OSError as error:
        raise unreadable(path, error) from None


def lines_backwards(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file that are not blank, last first, without their ends; what is too long is cut."""
    position = file.seek(0, os.SEEK_END)
    pending = b""
    while position:
        size = min(BLOCK, position)
        position -= size
        file.seek(position)
        first, *rest = (file.read(size) + pending).split(b"\n")
        yield from (line for line in reversed(rest) if line.strip())
        # What is cut off is the end, so that no such line can be taken for a whole one.
        pending = first[:LONGEST_LINE]
    if pending.strip():
        yield pending


def unpack(path: Path, folder: Path) -> tuple[Path, bool]:
    """Decompress a journal file into a folder; says where, and whether all of it could be.

    Raises:
        JournalError: the file cannot be read, or the folder has no room.
    """
    target = folder / f"{path.name}.plain"
    try:
        with target.open("wb") as file:
            return target, _decompress(path, file)
    except FileNotFoundError:  # deleted since it was listed
        return target, True
    except OSError as error:
        raise unreadable(path, error) from None


def _decompress(path: Path, plain: BinaryIO) -> bool:
    """Decompress as much as there is; returns whether that was all."""
    with gzip.open(path) as packed:
        try:
            # Not `read`, which keeps nothing of a block that it cannot fill; small ones, since that in which
            # the damage is found is lost.
            while block := packed.read1(_SMALL_BLOCK):
                plain.write(block)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            return False
    return True
