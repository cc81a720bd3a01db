"""A terminal that a test types into: bash in a process group of its own, each line answered before the next."""

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import wait_until

_END = "the line is done:"


class Terminal:
    """One bash; what is typed keeps its working folder, its variables and the last exit code, as for a reader."""

    def __init__(self, folder: Path, environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        self.code = 0
        with log.open("wb") as sink:
            self.process = subprocess.Popen(
                ["bash", "--norc", "--noprofile"],
                cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=sink, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    def run(self, line: str, seconds: float = 300) -> str:
        """What the line prints; its exit code is `code` then."""
        start = len(self.output())
        self.begin(line)
        self._type(f'echo "{_END}$?"')
        wait_until(lambda: _END in self.output()[start:], lambda: f"{line}\n{self.output()[start:]}", seconds)
        printed, _, code = self.output()[start:].partition(_END)
        self.code = int(code)
        return printed

    def begin(self, line: str) -> None:
        """Start it, and do not wait."""
        # The code of the line before, which the one for the test has covered; and not the test's own typing to read.
        self._type(f"(exit {self.code})\n{{ {line}\n}} < /dev/null")

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """End it and all that it started."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        finally:
            wait_until(lambda: not self._is_alive(), lambda: "a process did not end")

    def _is_alive(self) -> bool:
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def _type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()
