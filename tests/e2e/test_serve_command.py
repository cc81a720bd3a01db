"""`churn serve` from any folder: as `bentoml serve` in the project's, with the same exit codes."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from conftest import SAFE, Home, wait_until

from churn.cli import run
from churn.commands.serve import serve
from serving.upstream.circus import WORKER_DIED

SERVE = [sys.executable, "-m", "churn", "serve", "--host", "127.0.0.1"]


def begin(home: Home, folder: Path, port: int, **environment: str) -> subprocess.Popen[bytes]:
    command = [*SERVE, "--port", str(port), "--timeout-keep-alive", "75"]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command, cwd=folder, env=home.environment | environment, stdout=log, stderr=subprocess.STDOUT
        )


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def folder(tmp_path):
    """An empty one, far from the project."""
    path = tmp_path / "elsewhere"
    path.mkdir()
    return path


@pytest.mark.parametrize("name", ["churn.py", "serving/__init__.py"])
def test_a_folder_that_hides_the_package_is_refused(name, folder, monkeypatch, capsys):
    hiding = folder / name
    hiding.parent.mkdir(exist_ok=True)
    hiding.touch()
    monkeypatch.chdir(folder)
    assert run(serve, "churn serve", []) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"churn serve: {hiding} hides the package {Path(name).parts[0].removesuffix('.py')!r}")
    assert "CHURN_HOME" in said


def test_a_folder_that_was_removed_is_refused(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert run(serve, "churn serve", []) == 2
    assert capsys.readouterr().err == "churn serve: the current folder was removed; start in another one\n"


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_the_home_from_another_folder(home_with_model, folder, port, sign):
    server = begin(home_with_model, folder, port)
    log = folder / "log"
    try:
        wait_until(lambda: server.poll() is not None or answers(port), log.read_text, 90)
        answer = httpx.post(f"http://127.0.0.1:{port}/predict", json=SAFE)
        assert answer.json()["model_version"] == home_with_model.pointer.read_text().strip()
        server.send_signal(sign)
        assert server.wait(timeout=60) == 0
    finally:
        server.kill()
    assert all(json.loads(line)["event"] for line in log.read_text().splitlines())  # with a model, nothing else is said


@pytest.mark.slow
def test_a_port_that_is_taken_and_a_setting_that_is_not_allowed_end_it_with_2(home, folder):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = begin(home, folder, other.getsockname()[1])
        assert taken.wait(timeout=60) == 2
    first, last = (folder / "log").read_text().splitlines()
    assert first.startswith(f"churn serve: {home.registry} is missing: ")
    assert first.endswith("the service starts without a model, and takes the first that is promoted")
    assert "Address already in use" in json.loads(last)["reason"]
    wrong = begin(home, folder, 1, CHURN_WORKERS="many")
    assert wrong.wait(timeout=60) == 2
    assert "CHURN_WORKERS" in (folder / "log").read_text().splitlines()[-1]


@pytest.mark.slow
def test_ctrl_c_before_it_serves_is_130(home_with_model, folder, port):
    token = folder / "token"
    os.mkfifo(token)  # reading the settings waits for it
    server = begin(home_with_model, folder, port, MONITORING_TOKEN_FILE=str(token))
    try:
        with token.open("wb"):
            server.send_signal(signal.SIGINT)
            assert server.wait(timeout=60) == 130
    finally:
        server.kill()
    (line,) = (folder / "log").read_text().splitlines()
    assert json.loads(line)["event"] == "interrupted"


@pytest.mark.slow
def test_workers_that_cannot_start_end_it_with_their_code(home_with_model, folder, port):
    broken = folder / "broken" / "onnxruntime"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('this build has no processor for it')")
    server = begin(home_with_model, folder, port, PYTHONPATH=str(broken.parent))
    try:
        assert server.wait(timeout=90) == WORKER_DIED
    finally:
        server.kill()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200
    except httpx.TransportError:
        return False
