"""SQL of DuckDB that more than one reader needs: quoting, settings, and a query whose progress is watched."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the service quotes texts, and its image has no DuckDB
    from collections.abc import Callable, Sequence

    import duckdb

NO_DOWNLOADS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
"""Settings under which nothing is downloaded because of what a file says of itself."""
_POLL_SECONDS = 0.1


def quote_name(name: str) -> str:
    """A name of a column, as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text, as a literal."""
    return "'" + text.replace("'", "''") + "'"


def keep_progress(connection: duckdb.DuckDBPyConnection) -> None:
    """Let DuckDB count how far a query is, and draw nothing itself: `run_watched` asks it."""
    connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")


def run_watched(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    parameters: Sequence[object],
    size: int,
    advance: Callable[[int], None],
) -> None:
    """Execute a query in a thread, so that its progress can be shown and Ctrl-C ends it.

    Args:
        connection: on which `keep_progress` was called; holds the result afterwards.
        query: to execute.
        parameters: its parameters.
        size: what the query reads, in bytes.
        advance: is told ten times a second how much of that was just read.

    """
    with ThreadPoolExecutor(1) as thread:
        executed, done = thread.submit(connection.execute, query, parameters), 0
        try:
            while not wait([executed], _POLL_SECONDS).done:
                # It falls back to nothing when the query ends.
                read = max(done, int(size * connection.query_progress() / 100))
                advance(read - done)
                done = read
        except KeyboardInterrupt:
            connection.interrupt()
            raise
        executed.result()
        advance(size - done)
