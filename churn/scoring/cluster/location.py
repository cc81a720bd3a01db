"""Location of files: a path of this machine, or a URL such as `s3://bucket/folder`, and the file system that has it."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pyarrow as pa
from pyarrow import fs

from churn.errors import DataError

_URL = re.compile(r"[a-z][a-z0-9+.-]*://")
_PATTERN = re.compile(r"[*?\[]")


class Location(NamedTuple):
    """A file, a folder or a pattern.

    Attributes:
        text: as the user wrote it.
        files: the file system. Pickled, it is the way to it.
        path: there.

    """

    text: str
    files: fs.FileSystem
    path: str


class InputFile(NamedTuple):
    """A file as it was listed: what says, without reading it, whether it is still the same.

    Attributes:
        path: in its file system.
        size: in bytes.
        modified: nanoseconds since 1970; None where the file system does not say.

    """

    path: str
    size: int
    modified: int | None


def locate(text: str) -> Location:
    """Find the file system of a path or URL.

    Raises:
        DataError: there is none for such a URL.

    """
    if not _URL.match(text):
        return Location(text, fs.LocalFileSystem(), Path(text).absolute().as_posix())
    try:
        files, path = fs.FileSystem.from_uri(text)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{text} cannot be reached: {error}") from None
    return Location(text, files, path.rstrip("/"))


def list_files(source: Location) -> list[InputFile]:
    """The files of a location, by name: itself, those in the folder and below, or those that match the pattern.

    Names that begin with a dot or an underscore are not data, in folders as engines write them.

    Raises:
        DataError: there are none, or they cannot be listed.

    """
    try:
        found = _find(source)
    except OSError as error:
        raise DataError(f"{source.text} cannot be listed: {error}") from None
    if not found:
        raise DataError(f"{source.text}: there is no such file, or nothing in that folder")
    return sorted(InputFile(info.path, info.size, info.mtime_ns) for info in found)


def _find(source: Location) -> Sequence[fs.FileInfo]:
    info = source.files.get_file_info(source.path)
    if info.is_file:
        return [info]
    folder = source.path
    if info.type == fs.FileType.NotFound:
        before = _PATTERN.split(source.path, maxsplit=1)[0]
        if before == source.path:
            return []
        folder = before.rpartition("/")[0]
    below = source.files.get_file_info(fs.FileSelector(folder, allow_not_found=True, recursive=True))
    return [
        found
        for found in below
        if found.is_file
        and not any(name.startswith((".", "_")) for name in PurePosixPath(found.path).relative_to(folder).parts)
        and (folder == source.path or PurePosixPath(found.path).match(source.path))
    ]
