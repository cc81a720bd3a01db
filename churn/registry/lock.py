"""Locks that the system frees when their process dies; who waits is told whom for, and not for ever."""

# ruff: noqa: PLC0415 - a tenth of a second that readers, and so the service, do not need

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from churn import files as durable
from churn.errors import RegistryBusy

if TYPE_CHECKING:
    from filelock import BaseFileLock

WAIT_SECONDS = 60.0
"""How long a writer waits for another one. A save holds the lock for a fraction of a second."""

_MAX_COMMAND = 200


def new_lock(path: Path) -> "BaseFileLock":
    """A lock on a file; one object may be taken again by the thread that holds it."""
    from filelock import FileLock

    # A file system without locks is an error: the fallback would outlive its process.
    return FileLock(path, fallback_to_soft=False)


@contextlib.contextmanager
def held(lock: "BaseFileLock", holder: Path, timeout: float) -> Iterator[None]:
    """Hold a lock; `holder` is the file that tells the waiting who does.

    Raises:
        RegistryBusy: another process held it for all of `timeout` seconds.
        RegistryError: the lock file cannot be made, as on a read-only volume.
    """
    from filelock import Timeout

    with durable.os_errors_reported(f"locking {lock.lock_file}"):
        try:
            lock.acquire(timeout=timeout)
        except Timeout:
            raise RegistryBusy(
                f"another process has been changing the registry for {timeout:g} s: {_describe(holder)}; "
                "wait for it or end it, then try again"
            ) from None
    try:
        with contextlib.suppress(OSError):  # a courtesy: a full disk must not stop a rollback here
            holder.write_text(json.dumps(_self()), encoding="utf-8")
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink()
        lock.release()


def this_command() -> str:
    """What was typed, for the history and for those who wait."""
    import shlex

    name = Path(sys.argv[0]).name or "python"
    if name == "__main__.py":
        name = f"python -m {Path(sys.argv[0]).parent.parent.name}.{Path(sys.argv[0]).parent.name}"
        return f"{name} {shlex.join(sys.argv[1:])}".strip()[:_MAX_COMMAND]
    return shlex.join([name, *sys.argv[1:]])[:_MAX_COMMAND]


def utc_now() -> str:
    """The time, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _self() -> dict[str, str | int]:
    import socket

    return {"pid": os.getpid(), "host": socket.gethostname(), "command": this_command(), "since": utc_now()}


def _describe(holder: Path) -> str:
    try:
        known = json.loads(holder.read_bytes())
        return f"process {known['pid']} on {known['host']} (`{known['command']}`, since {known['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "it did not leave its name"
