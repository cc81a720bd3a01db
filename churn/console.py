"""Progress of what takes time: bars and spinners, shown where standard error is a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import console, progress
from rich.markup import escape
from rich.text import Text

LONG_BYTES = 10**7

type Advance = Callable[[int], None]
"""Callback with how much was just done: of a read, its bytes."""


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
    with _bar(f"reading {what}", size if size > LONG_BYTES else 0, progress.DownloadColumn()) as advance:
        yield advance


@contextmanager
def working(what: str, steps: int) -> Iterator[Advance]:
    """Progress bar of so many steps of about equal length; the time it has taken runs on between two steps."""
    with _bar(what, steps, progress.MofNCompleteColumn(), progress.TimeElapsedColumn()) as advance:
        advance(0)
        yield advance


@contextmanager
def counting(what: str, rows: int | None) -> Iterator[Advance]:
    """Progress bar of rows, with how many there are a second; how long it takes where it is known how many there are.

    Args:
        what: shown beside the bar.
        rows: how many there are; None where that is not known.

    """
    with _bar(what, rows, _Rows(), _Speed()) as advance:
        yield advance


@contextmanager
def phase(what: str) -> Iterator[None]:
    """Spinner beside the name of what is done, while it is done."""
    if not sys.stderr.isatty():
        yield
        return
    with console.Console(stderr=True).status(escape(f"{what} ...")):
        yield


@contextmanager
def _bar(what: str, total: int | None, *done: progress.ProgressColumn) -> Iterator[Advance]:
    if total == 0 or not sys.stderr.isatty():
        yield ignore
        return
    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        *done,
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=console.Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total, visible=False)
        yield lambda count: bar.update(task, advance=count, visible=True)


class _Rows(progress.ProgressColumn):
    """How many rows are done."""

    def render(self, task: progress.Task) -> Text:
        return Text(f"{task.completed:,.0f} rows")


class _Speed(progress.ProgressColumn):
    """How many rows are done a second."""

    def render(self, task: progress.Task) -> Text:
        return Text(f"{task.speed:,.0f} rows/s" if task.speed else "")


def ignore(count: int) -> None:
    """Callback that does nothing."""
