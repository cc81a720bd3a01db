"""A progress bar for long reads, where a person is watching."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LONG_BYTES = 50 * 10**6

type Advance = Callable[[int], None]


@contextmanager
def reading(path: Path) -> Iterator[Advance]:
    """Give a function to call with the number of bytes just read.

    It draws on stderr if that is a terminal and the file is longer than `LONG_BYTES`; else it does nothing.
    """
    size = path.stat().st_size
    if size <= LONG_BYTES or not sys.stderr.isatty():
        yield _ignore
        return
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second that most runs do not need
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn("reading {task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(path.name, total=size)
        yield lambda count: bar.advance(task, count)


def _ignore(count: int) -> None:
    """Nobody is watching."""
