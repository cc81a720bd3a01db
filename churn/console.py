"""Progress bar for long reads, shown where standard error is a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import console, progress

LONG_BYTES = 50 * 10**6

type Advance = Callable[[int], None]
"""Callback with the number of bytes just read."""


@contextmanager
def reading(what: str, size: int) -> Iterator[Advance]:
    """Progress bar that begins with the first call of its callback, where there is more than `LONG_BYTES` to read.

    Args:
        what: shown beside the bar.
        size: what there is to read, in bytes.

    Example:
        with reading(path.name, path.stat().st_size) as advance:
            advance(len(file.read(2**20)))

    """
    if size <= LONG_BYTES or not sys.stderr.isatty():
        yield ignore
        return
    columns = (
        progress.TextColumn("reading {task.description}", markup=False),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=console.Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=size, visible=False)
        yield lambda count: bar.update(task, advance=count, visible=True)


def ignore(count: int) -> None:
    """Callback that does nothing."""
