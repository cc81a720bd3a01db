"""The archives of the mirror: `.bentomodel`, a compressed tar. Nothing is unpacked before all of it was checked."""

# ruff: noqa: PLC0415 - the service starts without unpacking anything

import contextlib
import errno
import hashlib
import io
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from churn.errors import ArchiveInvalid, RegistryError
from churn.registry.metadata import PRUNED

if TYPE_CHECKING:
    from tarfile import TarInfo

if sys.platform != "win32":
    import fcntl

_CURE = "restore it from a backup, promote another model, or retrain"
_CHUNK = 2**20


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_digest(path: Path, entry: Mapping[str, Any]) -> None:
    """Compare an archive with what was recorded when it was saved.

    Raises:
        ArchiveInvalid: it is missing, was pruned, or differs.
        RegistryError: it cannot be read.
    """
    with _read_errors_named(path, entry):
        digest = digest_of(path)
    _compare(path, digest, entry)


def copy_checked(source: IO[bytes], path: Path, entry: Mapping[str, Any], target: Path) -> None:
    """Copy an archive off the volume; what was checked is then what is unpacked, whoever writes there meanwhile.

    Raises:
        ArchiveInvalid: the copy is not what was recorded; it must not be used.
        RegistryError: the archive cannot be read, or the copy not written.
    """
    digest = hashlib.sha256()
    with _read_errors_named(path, entry), target.open("wb") as copy:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            copy.write(chunk)
    _compare(path, digest.hexdigest(), entry)


def check_members(archive: Path, shown: Path) -> None:
    """Refuse an archive that holds anything but plain files and folders inside itself.

    Raises:
        ArchiveInvalid: names the first member that is a link, a device, or lies outside; or the archive is damaged.
    """
    import tarfile
    from lzma import LZMAError

    try:
        with tarfile.open(archive, "r:xz") as members:
            for member in members:
                if problem := _member_problem(member):
                    raise ArchiveInvalid(f"{shown}: {member.name!r} {problem}: not an archive of this project; {_CURE}")
    except (tarfile.TarError, LZMAError, EOFError, OSError, ValueError) as error:
        raise ArchiveInvalid(f"{shown} is damaged ({error}); {_CURE}") from None


def read_files(archive: Path) -> dict[str, bytes]:
    """The files of an archive by their paths in it; of two of the same path the last, as when it is unpacked.

    Raises:
        ArchiveInvalid: the archive is damaged.
    """
    import tarfile
    from lzma import LZMAError

    files: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:xz") as members:
            for member in members:
                if file := members.extractfile(member):
                    files[PurePosixPath(member.name).as_posix()] = file.read()
    except (tarfile.TarError, LZMAError, EOFError, OSError, ValueError) as error:
        raise ArchiveInvalid(f"{archive} is damaged ({error}); {_CURE}") from None
    return files


def read_member(archive: Path, name: str) -> bytes:
    """One file of an archive.

    Raises:
        ArchiveInvalid: it is not there, or the archive is damaged.
    """
    files = read_files(archive)
    if name not in files:
        raise ArchiveInvalid(f"{archive} holds no {name}; {_CURE}")
    return files[name]


def opened_for_reading(path: Path, entry: Mapping[str, Any]) -> IO[bytes]:
    """Open an archive; until the file is closed, `prune` leaves it alone.

    Raises:
        ArchiveInvalid: it is missing, or `prune` is just removing it.
        RegistryError: it cannot be opened.
    """
    with _read_errors_named(path, entry):
        file = path.open("rb")
    if not _try_lock(file.fileno(), shared=True):
        file.close()
        raise ArchiveInvalid(f"{path} is just being removed by prune; promote another model, or retrain")
    return file


def lock_against_reading(path: Path) -> IO[bytes] | None:
    """Take an archive from readers, until the returned file is closed; None where somebody is reading it.

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
    if _try_lock(file.fileno(), shared=False):
        return file
    file.close()
    return None


def _try_lock(descriptor: int, *, shared: bool) -> bool:
    """Lock an open archive without waiting; the lock ends with its process. False where another one excludes it."""
    if sys.platform == "win32":
        return True  # there, an open file cannot be removed anyway
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        # Where the file system knows no locks, reading goes on as without prune.
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


def _member_problem(member: "TarInfo") -> str | None:
    path = PurePosixPath(member.name)
    if not (member.isreg() or member.isdir()):
        return "is a link or a special file"
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or os.path.splitdrive(member.name)[0]:
        return "lies outside the archive"
    return None


def _compare(path: Path, digest: str, entry: Mapping[str, Any]) -> None:
    if digest != entry["sha256"]:
        raise ArchiveInvalid(
            f"{path} is not what was saved: its SHA-256 is {digest[:12]}..., "
            f"recorded is {entry['sha256'][:12]}...; {_CURE}"
        )


@contextlib.contextmanager
def _read_errors_named(path: Path, entry: Mapping[str, Any]) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        if pruned := entry.get(PRUNED):
            raise ArchiveInvalid(f"{path} was pruned at {pruned}; promote another model, or retrain") from None
        raise ArchiveInvalid(f"{path} is missing; {_CURE}") from None
    except OSError as error:
        raise RegistryError(f"{path} cannot be read: {error.strerror}; check the volume and its permissions") from error
