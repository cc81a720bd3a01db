"""A trained home and a running server, each made once a session through the commands that a user types."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from filelock import FileLock

# The jobs that a script starts in the background ignore Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

# Customers of the bundled table. Tests that need no more than a valid record take `example_record(schema)`.
SAFE = {
    "tenure_months": 48,
    "num_complaints": 0,
    "avg_session_minutes": 60,
    "plan_type": "premium",
    "region": "EU",
}
LEAVING = {
    "tenure_months": 2,
    "num_complaints": 5,
    "avg_session_minutes": 10,
    "plan_type": "basic",
    "region": "AF",
}


@dataclass
class Home:
    """A CHURN_HOME with a BentoML store of its own."""

    path: Path
    bentoml_home: Path

    @property
    def registry(self) -> Path:
        return self.path / "registry"

    @property
    def pointer(self) -> Path:
        return self.registry / "current_model.txt"

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CHURN_", "MONITORING"))}
        return inherited | {
            "CHURN_HOME": str(self.path),
            "BENTOML_HOME": str(self.bentoml_home),
            "BENTOML_DO_NOT_TRACK": "True",
            "CHURN_POLL_SECONDS": "0.2",
        }

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one of the project's commands as a user would."""
        return subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def journal_lines(self) -> list[str]:
        files = sorted((self.path / "logs").glob("predictions*"))
        return [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def make_home(folder: Path) -> Home:
    home = Home(folder / "home", folder / "bentoml")
    home.path.mkdir()
    home.bentoml_home.mkdir()
    return home


@dataclass
class Server:
    """A `bentoml serve` that answers on loopback."""

    home: Home
    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def worker_pids(self) -> list[int]:
        """The processes that serve, children of the one that was started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="utf-8")
        return [int(pid) for pid in children.split()]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def start_server(home: Home, *, source: str = ".", workdir: Path = ROOT, **environment: str) -> Server:
    """Start `bentoml serve SOURCE` on a free port and wait until it answers `/health`."""
    for _ in range(3):
        server = begin_server(home, source=source, workdir=workdir, **environment)
        wait_until(
            lambda server=server: server.process.poll() is not None or _answers(server),
            lambda server=server: f"the server did not start:\n{server.log.read_text()}",
            60,
        )
        if server.process.poll() is None:
            return server
        # A port that was free (ours, or the one that BentoML takes for itself) went to a client of another test.
        if "Address already in use" not in server.log.read_text():
            break
    pytest.fail(f"the server ended:\n{server.log.read_text()}")


def start_workers(home: Home, workers: str) -> Server:
    """Started when each worker answers: the first one up would otherwise be given every connection."""
    server = start_server(home, CHURN_WORKERS=workers)
    wait_until(lambda: server.log.read_text().count("initialized") == int(workers), server.log.read_text)
    time.sleep(0.5)
    return server


def begin_server(
    home: Home, *options: str, source: str = ".", workdir: Path = ROOT, port: int | None = None, **environment: str
) -> Server:
    """Start it, on a free port if none is given, and do not wait."""
    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    log = home.path / f"server-{port}.log"
    command = [str(BIN / "bentoml"), "serve", source, "--host", "127.0.0.1", "--port", str(port), *options]
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command, cwd=workdir, env=home.environment | environment, stdout=sink, stderr=subprocess.STDOUT
        )
    return Server(home, f"http://127.0.0.1:{port}", process, log)


def _answers(server: Server) -> bool:
    try:
        return httpx.get(f"{server.url}/health").status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A folder on a file system of its own, in memory."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def wait_until(condition, message, seconds=30) -> None:
    """Poll until the condition holds; fail with the message when it does not in time.

    The time is for machines that are busy with something else; how soon a thing must be there is for other tests.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, message()
        time.sleep(0.05)


def pytest_make_parametrize_id(val):
    """Functions by their names: an address differs between the processes that share the tests."""
    return val.__name__ if callable(val) else None


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory, request) -> Home:
    """A home where `python train.py` has promoted a model on the bundled data. Not to be changed by tests."""
    shared = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        shared = shared.parent  # of all processes that share the tests: the first to come trains
    folder, done = shared / "trained", shared / "trained.done"
    with FileLock(shared / "trained.lock"):
        if done.exists():
            return Home(folder / "home", folder / "bentoml")
        folder.mkdir()
        home = make_home(folder)
        trained = home.run("train.py")
        assert trained.returncode == 0, trained.stdout + trained.stderr
        done.touch()
    return home


@pytest.fixture
def home(tmp_path) -> Home:
    """An empty home."""
    return make_home(tmp_path)


@pytest.fixture
def home_with_model(tmp_path, trained_home) -> Home:
    """A home of one's own with a promoted model, whose BentoML store is still empty: as in a new pod."""
    home = Home(tmp_path / "home", tmp_path / "bentoml")
    shutil.copytree(trained_home.path, home.path, ignore=shutil.ignore_patterns("logs", "*.log"))
    home.bentoml_home.mkdir()
    return home


@pytest.fixture
def serve():
    """Start servers that are stopped when the test ends."""
    running = []

    def start(home, **environment):
        running.append(start_server(home, **environment))
        return running[-1]

    yield start
    for server in running:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="session")
def server(tmp_path_factory, trained_home) -> Iterator[Server]:
    """One server on the source tree, with a token, for every test that only asks."""
    home = Home(tmp_path_factory.mktemp("served") / "home", tmp_path_factory.mktemp("store"))
    shutil.copytree(trained_home.path, home.path)
    running = start_server(home, MONITORING_TOKEN="monitoring-secret")
    yield running
    running.stop()
