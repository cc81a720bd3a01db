"""Child processes of a demonstration: `churn` commands, out of reach of the Ctrl-C that their parent gets."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from churn.demo.interruption import uninterrupted

END_SECONDS = 20

# A group of its own for each child: what it starts ends with it.
if sys.platform == "win32":
    _GROUP: dict[str, Any] = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    _END = signal.CTRL_BREAK_EVENT
else:
    _GROUP: dict[str, Any] = {"process_group": 0}
    _END = signal.SIGTERM


class Done(NamedTuple):
    """What came of a command.

    Attributes:
        code: its exit code.
        output: what it wrote to standard output and standard error.

    """

    code: int
    output: str


class Server(NamedTuple):
    """A command that goes on.

    Attributes:
        process: of the command.
        log: what it writes.

    """

    process: subprocess.Popen[str]
    log: Path

    def has_ended(self, seconds: float) -> bool:
        """Whether it has ended, or ends within so many seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.returncode is not None

    def last_line(self) -> str:
        """The last line that it wrote."""
        return last_line(self.log.read_text(encoding="utf-8", errors="replace"))


class Children:
    """The commands that run.

    Args:
        folder: where they run.
        environment: of each of them.

    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self._running: list[subprocess.Popen[str]] = []

    def run(self, *arguments: str) -> Done:
        """Run a command to its end."""
        process = self._start(arguments, None)
        output, _ = process.communicate()
        return Done(process.returncode, output)

    def start(self, *arguments: str, log: Path) -> Server:
        """Start a command that goes on, and writes to a file."""
        return Server(self._start(arguments, log), log)

    def end(self) -> None:
        """End all that run, and what they have started."""
        for process in self._running:
            if process.poll() is None:
                process.send_signal(_END)
        for process in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)
            _kill(process)

    def _start(self, arguments: tuple[str, ...], output: Path | None) -> subprocess.Popen[str]:
        with contextlib.ExitStack() as stack:
            sink = subprocess.PIPE if output is None else stack.enter_context(output.open("wb"))
            stack.enter_context(uninterrupted())
            process = subprocess.Popen(
                [sys.executable, "-m", "churn", *arguments],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                **_GROUP,
            )
            self._running.append(process)
        return process


def last_line(text: str) -> str:
    """The last line of what a command wrote."""
    return (text.strip().splitlines() or ["it wrote nothing"])[-1]


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill what is left of a process and its group."""
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
