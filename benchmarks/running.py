"""A server under measurement: how it is started, its processes, their memory and processor time."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from places import ALTERNATIVES, SERVER_CORE

START_SECONDS = 180


@dataclass(frozen=True)
class Contestant:
    """One server.

    Attributes:
        name: as the results show it.
        command: starts it on `{port}`, in the foreground.
        body: what is posted.
        path: where it is posted.
        scored: whether its answer holds a probability.
        environment: beside the inherited one.
        folder: where it is started.
        python: of its environment.
        package: the distribution whose version the results show.
        restless: whether its processes work while nobody asks them anything.

    """

    name: str
    command: tuple[str, ...]
    body: Mapping[str, Any]
    path: str = "/predict"
    scored: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = ALTERNATIVES
    python: Path = Path()
    package: str = ""
    restless: bool = False


@dataclass
class Running:
    """A started server, pinned to one core (or several)."""

    contestant: Contestant
    process: subprocess.Popen[bytes]
    port: int
    ready_seconds: float

    @property
    def url(self) -> str:
        """Where the record is posted."""
        return f"http://127.0.0.1:{self.port}{self.contestant.path}"

    def processes(self) -> list[int]:
        """The server and all its descendants."""
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split()]
        return found

    def pss_mib(self) -> float:
        """Memory of the process tree in MiB, shared pages counted once (proportional set size)."""
        return sum(pss_mib(pid) for pid in self.processes())

    def cpu_seconds(self) -> float:
        """Processor time of the process tree so far."""
        ticks = 0
        for pid in self.processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Stop the server and all its descendants for a while."""
        tree = self.processes()
        for pid in tree:
            _signal(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in tree:
                _signal(pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it and wait; descendants that outlive it are killed."""
        tree = self.processes()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in tree[1:]:
            _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:  # it has ended
        return


def pss_mib(pid: int) -> float:
    """Proportional set size of one process in MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def start(contestant: Contestant, log: Path, cores: str = SERVER_CORE) -> Running:
    """Start a server pinned to `cores` and wait until it has answered a request."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["taskset", "-c", cores, *(part.format(port=port) for part in contestant.command)]
    environment = {name: value.format(port=port) for name, value in contestant.environment.items()}
    started = time.perf_counter()
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            cwd=contestant.folder,
            env={**os.environ, **environment},
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    server = Running(contestant, process, port, 0.0)
    while not _answers(server):
        if process.poll() is not None or time.perf_counter() - started > START_SECONDS:
            server.stop()
            raise SystemExit(f"{contestant.name} did not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.01)
    return replace(server, ready_seconds=time.perf_counter() - started)


def start_workers(contestant: Contestant, log: Path, workers: int) -> Running:
    """Start the service on all cores with so many worker processes, and wait until each of them is up.

    The first one up would otherwise be given every connection.
    """
    environment = {**contestant.environment, "CHURN_WORKERS": str(workers)}
    server = start(replace(contestant, environment=environment), log, cores="0,1")
    while log.read_text().count("initialized") < workers:
        time.sleep(0.1)
    return server


def _answers(server: Running) -> bool:
    try:
        return bool(post(server.url, json.dumps(server.contestant.body).encode()))
    except (OSError, urllib.error.URLError):
        return False


def post(url: str, body: bytes) -> bytes:
    """The answer to a JSON body.

    Raises:
        OSError: there is no server, or it answered with an error.

    """
    request = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        content: bytes = answer.read()
        return content
