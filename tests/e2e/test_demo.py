"""`churn demo` as a user runs it: its pages, its end by Ctrl-C at any moment, and nothing left behind."""

import os
import pty
import re
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
from conftest import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
COMMAND = [sys.executable, "-m", "churn", "demo"]
SECONDS = 150
"""For a demonstration of ten seconds, on a machine that is busy with something else."""


@dataclass
class Demo:
    """A demonstration that runs, with a folder of its own for temporary ones."""

    process: subprocess.Popen[bytes]
    temporary: Path
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.output or self.process.poll() is not None, lambda: self.output, SECONDS)
        assert text in self.output

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def left(self) -> list[str]:
        """Folders and processes that are still there."""
        folders = [str(path) for path in self.temporary.iterdir()]
        return folders + [line for line in environments() if str(self.temporary).encode() in line]


def environments() -> list[bytes]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        if path.parent.name != str(os.getpid()):
            try:
                found.append(path.read_bytes())
            except OSError:
                continue
    return found


def begin(folder: Path, *options: str, output: int | None = None, **environment: str) -> Demo:
    temporary, log = folder / "temporary", folder / "log"
    temporary.mkdir(exist_ok=True)
    # What a user has set is none of the demonstration's: it must send no alert, and sign no model.
    own = {"TMPDIR": str(temporary), "CHURN_ALERT_URL": "http://127.0.0.1:9/", "MODEL_SIGNING_KEY_FILE": "no-such.pem"}
    with log.open("wb") as sink, hangup_heard():
        process = subprocess.Popen(
            [*COMMAND, *options], cwd=folder, env=os.environ | own | environment,
            stdin=subprocess.DEVNULL, stdout=output or sink, stderr=output or subprocess.STDOUT,
        )  # fmt: skip
    return Demo(process, temporary, log)


@contextmanager
def hangup_heard() -> Iterator[None]:
    """Have what is started hear SIGHUP: under nohup it is ignored, and what a process ignores its children ignore."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.fixture
def demo(tmp_path) -> Iterator[Demo]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    running = begin(tmp_path, "--no-browser", "--port", port)
    yield running
    if running.process.poll() is None:
        running.interrupt()


def test_it_shows_drift_and_pages_and_ends_without_a_trace(demo):
    demo.wait_for("until Ctrl-C")
    wait_until(lambda: "the log of predictions" in demo.output, lambda: demo.output)
    verdicts = re.findall(r"^churn drift +(No drift|Drift)\b.*Exit code (\d)\.$", demo.output, re.MULTILINE)
    assert verdicts == [("No drift", "0"), ("Drift", "3")]
    addresses = re.findall(r"http://\S+/\S*", demo.output)
    assert len(addresses) == 4
    for address, content in zip(addresses, ("swagger", "ROC AUC", "num_complaints", "# HELP"), strict=True):
        page = httpx.get(address, headers={"Accept": "text/html"})
        assert (page.status_code, content in page.text) == (200, True), address
    without_token = httpx.get(re.sub("//.*@", "//", addresses[2]))
    assert without_token.status_code == 401
    folder = next(demo.temporary.glob("churn-demo-*"))
    assert str(folder) in demo.output
    assert list(folder.glob("logs/predictions-*"))

    assert demo.interrupt() == 0
    assert demo.left() == []
    port = int(addresses[0].rsplit(":", 1)[1].rstrip("/"))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("shown", "number"),
    [
        ("churn demo, in", signal.SIGINT),
        ("churn train", signal.SIGTERM),
        ("churn serve", signal.SIGHUP),
    ],
)
def test_interrupted_early_it_leaves_nothing(demo, shown, number):
    demo.wait_for(shown)
    time.sleep(0.5)  # into what follows
    assert demo.interrupt(number) == 130
    assert demo.output.splitlines()[-1] == "churn demo: interrupted, nothing is left"
    assert "Traceback" not in demo.output
    assert demo.left() == []


def test_a_service_that_ends_ends_it_with_a_sentence(demo):
    demo.wait_for("the log of predictions")
    (supervisor,) = children(demo.process.pid)
    (worker,) = children(supervisor)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: set(children(supervisor)) - {worker}, lambda: demo.output, 60)
    os.kill((set(children(supervisor)) - {worker}).pop(), signal.SIGKILL)
    assert demo.process.wait(timeout=60) == 2
    assert demo.output.splitlines()[-1].startswith("churn demo: churn serve ended: ")
    assert "worker died again" in demo.output
    assert demo.left() == []


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]


def test_a_taken_port_is_one_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        demo = begin(tmp_path, "--port", str(other.getsockname()[1]))
        assert demo.process.wait(timeout=60) == 2
    (line,) = demo.output.splitlines()
    assert re.fullmatch(r"churn demo: port \d+ cannot be used: Address already in use; give another --port, .*", line)
    assert demo.left() == []


def test_at_a_terminal_it_opens_the_browser(tmp_path):
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n', encoding="utf-8")
    browser.chmod(0o755)
    ours, theirs = pty.openpty()
    demo = begin(tmp_path, output=theirs, BROWSER=str(browser), DISPLAY=":0")
    os.close(theirs)
    written = b""
    try:
        while b"the log of predictions" not in written:
            written += os.read(ours, 65536)
        wait_until(lambda: opened.exists() and opened.read_text().count("\n") == 3, written.decode)
        assert set(opened.read_text().split()) < set(re.findall(r"http://\S+/\S*", written.decode()))
    finally:
        demo.interrupt()
        os.close(ours)
    assert demo.left() == []
