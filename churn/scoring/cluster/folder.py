"""Folder of scores: begun empty, finished by `_SUCCESS`."""

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from pyarrow import fs

from churn.errors import DataError
from churn.scoring.cluster.location import Location

SUCCESS = "_SUCCESS"
_OURS = re.compile(r"\.?part-\d{6,}\.parquet(-\d+-\d+)?")


def begin(folder: Location) -> None:
    """Make the folder, and take away the parts of a run that was not finished.

    Raises:
        DataError: it holds a finished run, or files that are no parts; or it cannot be written.

    """
    try:
        names = _names(folder)
        if SUCCESS in names:
            raise DataError(f"{folder.text} holds the scores of a finished run; give another folder, or remove it")
        if others := [name for name in names if not _OURS.fullmatch(name)]:
            raise DataError(f"{folder.text} holds {others[0]!r}, which is no part of scores; give a folder of its own")
        for name in names:
            folder.files.delete_file(f"{folder.path}/{name}")
        folder.files.create_dir(folder.path, recursive=True)
    except OSError as error:
        raise DataError(f"{folder.text} cannot be written: {error}") from None


def finish(folder: Location, parts: set[str], facts: Mapping[str, object]) -> None:
    """Say that the folder is whole: everything but its parts is taken away, then `_SUCCESS` is written.

    Raises:
        DataError: a part is missing, or the folder cannot be written.

    """
    try:
        names = _names(folder)
        if missing := parts.difference(names):
            raise DataError(f"{folder.text} lacks {min(missing)!r}, which was written: every machine must reach it")
        for name in set(names) - parts:
            folder.files.delete_file(f"{folder.path}/{name}")
        with folder.files.open_output_stream(f"{folder.path}/{SUCCESS}") as sink:
            sink.write(json.dumps(facts, indent=2).encode() + b"\n")
    except OSError as error:
        raise DataError(f"{folder.text} cannot be written: {error}") from None


def _names(folder: Location) -> list[str]:
    if folder.files.get_file_info(folder.path).type == fs.FileType.File:
        raise DataError(f"{folder.text} is a file; the Ray engine writes a folder of parts")
    found = folder.files.get_file_info(fs.FileSelector(folder.path, allow_not_found=True, recursive=True))
    return [str(PurePosixPath(info.path).relative_to(folder.path)) for info in found]
