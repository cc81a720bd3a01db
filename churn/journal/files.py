"""Access to journal files that may be rotated, compressed, cut or deleted meanwhile."""

import gzip
import zlib
from pathlib import Path

from churn.errors import JournalError, NothingToJudge
from churn.journal.bound import FILE_PATTERN

LONGEST_LINE = 2**20
_BLOCK = 2**12


def journal_files(folder: Path) -> list[Path]:
    """The files of the journal that are not empty.

    Raises:
        NothingToJudge: there is none.
    """
    files = [path for path in sorted(folder.glob(FILE_PATTERN)) if path.is_file()]
    if not files:
        raise NothingToJudge(f"there is no prediction log in {folder}; it begins with the first `POST /predict`")
    filled = [path for path in files if size(path)]
    if not filled:
        raise NothingToJudge(f"the prediction log in {folder} is empty; ask the service for predictions first")
    return filled


def size(path: Path) -> int:
    """Size of a file in bytes; 0 where the service has rotated or deleted it since it was listed."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def changed(path: Path) -> int:
    """When a file was last changed, in microseconds since 1970; 0 where it has been deleted."""
    try:
        return path.stat().st_mtime_ns // 1000
    except FileNotFoundError:
        return 0


def is_compressed(path: Path) -> bool:
    """Whether a file is compressed with gzip, whatever it is called; a deleted one is not.

    Raises:
        JournalError: the file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return file.read(2) == b"\x1f\x8b"
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unreadable(path, error) from None


def write_readable_copy(path: Path, copy: Path) -> bool:
    """Copy what can be read of a file: decompressed as far as it goes, lines cut that are too long for DuckDB.

    Returns:
        Whether all could be decompressed.

    Raises:
        JournalError: the file cannot be read, or the copy's disk is full.

    """
    length = 0  # of the line so far
    try:
        # `read1` of small blocks: of a cut file, the block in which the damage is found is lost.
        with gzip.open(path) if is_compressed(path) else path.open("rb") as file, copy.open("wb") as out:
            while block := file.read1(_BLOCK):
                end = block.rfind(b"\n")
                length = length + len(block) if end < 0 else len(block) - end - 1
                if end >= 0 or length <= LONGEST_LINE:
                    out.write(block)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return False
    except OSError as error:
        raise _unreadable(path, error) from None
    return True


def _unreadable(path: Path, error: OSError) -> JournalError:
    return JournalError(f"{path} cannot be read ({error.strerror or error}); make it readable or move it away")
