"""Files that are whole or absent whatever happens: temporary name, fsync, rename, fsync of the folder."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from churn.errors import RegistryError

_TEMPORARY_PREFIX = ".registry-"
_TEMPORARY_MARK = ".tmp"


def temporary_beside(path: Path) -> Path:
    """A name in the same folder (so on the same file system), with the same suffix, that `left_overs` finds."""
    return path.with_name(f"{_TEMPORARY_PREFIX}{path.stem}-{os.getpid()}{_TEMPORARY_MARK}{path.suffix}")


def left_overs(folder: Path) -> list[Path]:
    """Temporary files of writers. Under the writers' lock, all of them are of writers that died."""
    return sorted(folder.glob(f"{_TEMPORARY_PREFIX}*{_TEMPORARY_MARK}*"))


def stage(path: Path, content: bytes) -> Path:
    """Write what is to become `path` under a temporary name, down to the disk; `put_in_place` finishes."""
    temporary = temporary_beside(path)
    # Not tempfile: its 0600 would lock out the service, which may run as another user.
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def put_in_place(temporary: Path, path: Path) -> None:
    """Give a complete file its name: readers see the old one or the new one, never a part."""
    temporary.replace(path)
    sync_folder(path.parent)


def write(path: Path, content: bytes) -> None:
    """Replace a file as a whole."""
    put_in_place(stage(path, content), path)


def sync_file(path: Path) -> None:
    """Wait until a file that another library wrote is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until renames in a folder are on the disk. Windows has no such call."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def os_errors_reported(doing: str) -> Iterator[None]:
    """Turn what the operating system refuses (full, read-only, forbidden, I/O) into a message for the user.

    Raises:
        RegistryError: says what was being done, to which file, and why it failed.
    """
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise RegistryError(f"{doing} failed: {error.strerror or error}{where}") from error
