"""Atomic file replacement: temporary name, fsync, rename, fsync of the folder. Readers see the old file or the new."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

_MARK = ".tmp"


@contextlib.contextmanager
def replacing(path: Path, prefix: str = ".") -> Iterator[Path]:
    """Give a temporary path to write to; what is there at the end becomes `path`. After an error it is removed.

    Args:
        path: file to replace or to make.
        prefix: start of the temporary name, which is in the same folder and has the same suffix.

    """
    temporary = _temporary_beside(path, prefix)
    with _removed_after_an_error(temporary):
        yield temporary
        _sync(temporary)
        _rename(temporary, path)


def write(contents: Mapping[Path, bytes], prefix: str = ".") -> None:
    """Replace files. All are on the disk before the first is renamed, so that a full volume changes none of them."""
    staged = {_temporary_beside(path, prefix): path for path in contents}
    with _removed_after_an_error(*staged):
        for temporary, path in staged.items():
            temporary.write_bytes(contents[path])
            _sync(temporary)
        for temporary, path in staged.items():
            _rename(temporary, path)


def left_overs(folder: Path, prefix: str) -> list[Path]:
    """Temporary files of this prefix."""
    return sorted(folder.glob(f"{prefix}*{_MARK}*"))


def remove_left_overs(path: Path) -> None:
    """Remove what runs that were killed have left of a file that they were to replace."""
    name = re.compile(rf"\.{re.escape(path.stem)}-(\d+){_MARK}{re.escape(path.suffix)}")
    for other in path.parent.iterdir():
        match = name.fullmatch(other.name)
        if match and not _is_running(int(match[1])):
            with contextlib.suppress(OSError):
                other.unlink()


def _temporary_beside(path: Path, prefix: str) -> Path:
    # Not tempfile: its 0600 would lock out the service, which may run as another user.
    return path.with_name(f"{prefix}{path.stem}-{os.getpid()}{_MARK}{path.suffix}")


@contextlib.contextmanager
def _removed_after_an_error(*paths: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for path in paths:
            with contextlib.suppress(OSError):
                path.unlink()
        raise


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _rename(temporary: Path, path: Path) -> None:
    temporary.replace(path)
    if sys.platform == "win32":  # which cannot sync a folder
        return
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def duckdb_name(path: Path) -> str:
    """The name by which DuckDB reads exactly this file: it takes `*`, `?` and `[` for patterns, `~` for a home."""
    return re.sub(r"[*?[]", r"[\g<0>]", str(path.absolute()))


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
