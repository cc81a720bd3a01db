"""Content of an archive: a compressed tar, of which nothing is unpacked before all of it was checked."""

import contextlib
import os
import tarfile
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path, PurePosixPath

from churn.errors import ArchiveInvalid
from churn.registry.archive import CURE


def check_members(archive: Path, shown: Path) -> None:
    """Refuse an archive that holds anything but plain files and folders inside itself, each once.

    Args:
        archive: file to check.
        shown: its path in messages.

    Raises:
        ArchiveInvalid: names the first member that is a link, a device, outside, or there twice; or the archive is
            damaged.
    """
    seen: set[PurePosixPath] = set()
    with _opened(archive, shown) as members:
        for member in members:
            path = PurePosixPath(member.name)
            if problem := "is there twice" if path in seen else _problem(member):
                raise ArchiveInvalid(f"{shown}: {member.name!r} {problem}: not an archive of this project; {CURE}")
            seen.add(path)


def read_files(archive: Path) -> dict[str, bytes]:
    """The files of a checked archive by their paths in it.

    Raises:
        ArchiveInvalid: the archive is damaged.
    """
    with _opened(archive, archive) as members:
        return {
            PurePosixPath(member.name).as_posix(): file.read()
            for member in members
            if (file := members.extractfile(member))
        }


@contextlib.contextmanager
def _opened(archive: Path, shown: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(archive, "r:xz") as members:
            yield members
    except (tarfile.TarError, LZMAError, EOFError, OSError, ValueError) as error:
        raise ArchiveInvalid(f"{shown} is damaged ({error}); {CURE}") from None


def _problem(member: tarfile.TarInfo) -> str | None:
    path = PurePosixPath(member.name)
    if not (member.isreg() or member.isdir()):
        return "is a link or a special file"
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or os.path.splitdrive(member.name)[0]:
        return "lies outside the archive"
    return None
