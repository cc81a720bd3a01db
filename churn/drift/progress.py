"""A progress bar on standard error, where somebody watches."""

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import Progress as Bar

from churn.journal.scan import Progress


@contextlib.contextmanager
def progress_bar(doing: str) -> Iterator[Progress | None]:
    """Gives what to call with the percentage that is done; the bar appears with the first call."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with Bar(console=console, transient=True) as bar:
        task = bar.add_task(doing, total=100, visible=False)
        yield lambda percentage: bar.update(task, completed=percentage, visible=True)
