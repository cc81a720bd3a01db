"""Newest-first reading: of a large journal only what a window needs, with the result of reading all of it.

Each file has one writer and so is in order of time, but for lines written while a clock was behind. So the ends of the
files are read first. What lies before the end of a file is taken to be no later than the newest line in the older half
of that end, which holds where no line is further from its place than that half is long. A compressed file has no end
that could be read alone; it cannot hold lines later than its last change.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from churn.console import Advance, ignore
from churn.journal.files import changed, is_compressed, size
from churn.journal.moments import LATEST
from churn.journal.scan import Scan

TAIL_BYTES = 16 * 2**20
"""Size of the ends of all files together, shared between them: about 50,000 lines, read in about 0.2 s."""
_FIRST = 2
"""Files that are read whole where the ends are not enough; then four times as many, and so on."""
_CLOCK_SLACK = 3600 * 1_000_000
"""Microseconds by which the clock of a file system may be behind that of the service."""


def load_newest(
    scan: Scan, paths: Sequence[Path], model: str, last_n: int | None, since: int, advance: Advance = ignore
) -> None:
    """Load every line that `Scan.cut(model, last_n, since)` can need, and few others.

    Args:
        scan: empty.
        paths: the journal's files.
        model: BentoML tag.
        last_n: how many records at most; None for no limit.
        since: microseconds since 1970 UTC.
        advance: callback, where files have to be read whole.

    Raises:
        JournalError: a file cannot be read.

    """
    latest = _load_tails(scan, paths)
    count = _FIRST
    while True:
        oldest = since if last_n is None else scan.oldest(model, last_n, since)
        needed = sorted((path for path in latest if latest[path] >= oldest), key=latest.__getitem__)[-count:]
        if not needed:
            return
        scan.drop_pieces([piece for path in needed for piece in _pieces(scan, path)])
        scan.load(needed, advance)
        latest = {path: moment for path, moment in latest.items() if path not in needed}
        count *= 4


def _load_tails(scan: Scan, paths: Sequence[Path]) -> dict[Path, int]:
    """Load the ends of the files; returns, of each that has more, what that more is not later than."""
    share = TAIL_BYTES // len(paths)
    latest = {path: changed(path) + _CLOCK_SLACK for path in paths if is_compressed(path)}
    long = [path for path in paths if path not in latest and size(path) > share]
    for path in long:
        _write_tail(path, share, *_pieces(scan, path))
    whole = [path for path in paths if path not in latest and path not in long]
    scan.load([*whole, *(piece for path in long for piece in _pieces(scan, path))])
    newest = scan.newest_of_pieces()
    return latest | {path: newest.get(str(_pieces(scan, path)[0]), LATEST) for path in long}


def _pieces(scan: Scan, path: Path) -> tuple[Path, Path]:
    """Where the older and the newer half of a file's end are written."""
    return scan.folder / f"{path.name}.older", scan.folder / f"{path.name}.newer"


def _write_tail(path: Path, length: int, older: Path, newer: Path) -> None:
    """Write the whole lines in the last bytes of a file as two halves; nothing where it has been deleted."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - length))
            file.readline()  # the rest of a line
            tail = file.read()
    except FileNotFoundError:
        return
    middle = tail.find(b"\n", len(tail) // 2) + 1
    older.write_bytes(tail[:middle])
    newer.write_bytes(tail[middle:])
