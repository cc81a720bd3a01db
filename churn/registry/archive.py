"""Archive files of the mirror: digest check, and advisory locks that keep readers and `prune` apart."""

import contextlib
import errno
import hashlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from churn.errors import ArchiveInvalid
from churn.registry.entry import ModelEntry
from churn.registry.layout import unreadable

if sys.platform != "win32":
    import fcntl

CURE = "restore it from a backup, promote another model, or retrain"
_CHUNK = 2**20
_KEPT = 3
"""How many models a process keeps from being pruned: the one it serves, and those it tried since."""


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_digest(path: Path, entry: ModelEntry) -> None:
    """Compare an archive with what was recorded when it was saved.

    Raises:
        ArchiveInvalid: it is missing, was pruned, or differs.
        RegistryError: it cannot be read.
    """
    with _read_errors_reported(path, entry):
        digest = digest_of(path)
    _compare(path, digest, entry)


def copy_checked(source: IO[bytes], path: Path, entry: ModelEntry, target: Path) -> None:
    """Copy an archive off the volume; what was checked is then what is unpacked, whoever writes there meanwhile.

    Raises:
        ArchiveInvalid: the copy is not what was recorded; it must not be used.
        RegistryError: the archive cannot be read, or the copy not written.
    """
    digest = hashlib.sha256()
    with _read_errors_reported(path, entry), target.open("wb") as copy:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            copy.write(chunk)
    _compare(path, digest.hexdigest(), entry)


def open_for_reading(path: Path, entry: ModelEntry) -> IO[bytes]:
    """Open an archive; until the file is closed, `prune` leaves it alone.

    Raises:
        ArchiveInvalid: it is missing, or `prune` is just removing it.
        RegistryError: it cannot be opened.
    """
    with _read_errors_reported(path, entry):
        file = path.open("rb")
    if not _try_lock(file, exclusive=False):
        file.close()
        raise ArchiveInvalid(f"{path} is just being removed by prune; promote another model, or retrain")
    return file


class ReadLocks:
    """Shared locks on the archives of the last few models that a process fetched, for as long as this object lives."""

    def __init__(self) -> None:
        self._files: dict[str, IO[bytes]] = {}

    def take(self, path: Path, entry: ModelEntry) -> IO[bytes]:
        """Lock an archive and open it; the oldest lock beyond a few is released. Raises as `open_for_reading`."""
        file = open_for_reading(path, entry)
        released = [self._files.pop(entry.tag, None)]
        self._files[entry.tag] = file
        if len(self._files) > _KEPT:
            released.append(self._files.pop(next(iter(self._files))))
        for unneeded in released:
            if unneeded is not None:
                unneeded.close()
        return file


def lock_against_reading(path: Path) -> IO[bytes] | None:
    """Lock an archive against readers, until the returned file is closed; None where a process is reading it.

    Raises:
        OSError: it cannot be opened.
    """
    if sys.platform == "win32":
        try:
            path.rename(path)  # an open file keeps its name there
        except PermissionError:
            return None
        return io.BytesIO()
    file = path.open("rb+")  # NFS gives an exclusive lock only to who may write
    if _try_lock(file, exclusive=True):
        return file
    file.close()
    return None


def _try_lock(file: IO[bytes], *, exclusive: bool) -> bool:
    """Lock an open archive without waiting; the lock ends with its process. False where another one excludes it."""
    if sys.platform == "win32":
        return True  # there, an open file cannot be removed anyway
    try:
        fcntl.flock(file.fileno(), (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as error:
        # Where the file system knows no locks, reading goes on as without prune.
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


def _compare(path: Path, digest: str, entry: ModelEntry) -> None:
    if digest != entry.sha256:
        raise ArchiveInvalid(
            f"{path} is not what was saved: its SHA-256 is {digest[:12]}..., recorded is {entry.sha256[:12]}...; {CURE}"
        )


@contextlib.contextmanager
def _read_errors_reported(path: Path, entry: ModelEntry) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        if entry.pruned_at:
            raise ArchiveInvalid(f"{path} was pruned at {entry.pruned_at}; promote another model, or retrain") from None
        raise ArchiveInvalid(f"{path} is missing; {CURE}") from None
    except OSError as error:
        raise unreadable(path, error) from error
