"""Advisory file lock with timeout and holder information; the system frees it when its process dies."""

import contextlib
import json
import os
import shlex
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from churn.errors import RegistryBusy
from churn.registry.layout import LOCK_SECONDS, os_errors_reported

_MAX_COMMAND = 200


@contextlib.contextmanager
def locked(path: Path, holder: Path, timeout: float = LOCK_SECONDS) -> Iterator[None]:
    """Lock a file; `holder` is the file that names the process that has the lock.

    Raises:
        RegistryBusy: another process had it locked for all of `timeout` seconds.
        RegistryError: the lock file cannot be made, as on a read-only volume.
    """
    # A file system without locks is an error: the fallback would outlive its process.
    lock = FileLock(path, fallback_to_soft=False)
    with os_errors_reported(f"locking {path}"):
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
    path = Path(sys.argv[0])
    name = path.name or "python"
    if name == "__main__.py":
        module = f"python -m {path.parent.parent.name}.{path.parent.name}"
        return f"{module} {shlex.join(sys.argv[1:])}".strip()[:_MAX_COMMAND]
    return shlex.join([name, *sys.argv[1:]])[:_MAX_COMMAND]


def utc_now() -> str:
    """The time, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _self() -> dict[str, str | int]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "command": this_command(), "since": utc_now()}


def _describe(holder: Path) -> str:
    try:
        known = json.loads(holder.read_bytes())
        return f"process {known['pid']} on {known['host']} (`{known['command']}`, since {known['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "it did not leave its name"
