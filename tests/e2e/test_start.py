"""What a service says when it starts, cannot start, or is told to stop: JSON lines only, and a code of its own."""

import json
import os
import signal
import socket
from datetime import datetime

import httpx
import pytest
from conftest import SAFE, begin_server, mounted, start_server


def lines(text):
    """The log's lines, each of which must be JSON in our form."""
    rows = [json.loads(line) for line in text.splitlines()]
    for row in rows:
        assert datetime.fromisoformat(row["ts"]).tzinfo
        assert row["level"] in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
        assert row["event"]
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_each_line_of_a_start_a_request_and_a_stop_is_json(home_with_model, sign):
    server = start_server(home_with_model, LOG_LEVEL="debug")
    assert httpx.post(f"{server.url}/predict", json=SAFE).status_code == 200
    server.process.send_signal(sign)
    assert server.process.wait(timeout=30) == 0
    events = [row["event"] for row in lines(server.log.read_text())]
    assert any(f"listening on {server.url}" in event for event in events)
    assert {"model in service", "request answered"} <= set(events)


@pytest.mark.slow
def test_a_crash_at_the_start_is_json_too(home_with_model, tmp_path):
    """A worker that cannot import what it needs; its supervisor does without it."""
    broken = tmp_path / "onnxruntime"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('this build has no processor for it')")
    server = begin_server(home_with_model, PYTHONPATH=str(tmp_path))
    try:
        assert server.process.wait(timeout=60) == 5
    finally:
        server.process.kill()
    rows = lines(server.log.read_text())
    assert [row["event"] for row in rows if row["logger"] == "churn.supervisor"] == [
        "worker died; another starts",
        "worker died again; the service ends",
    ]
    assert any("no processor for it" in row.get("exc_info", "") for row in rows if row["event"] == "crashed")


def test_a_taken_port_is_one_line_that_says_which(home):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = home.run("-m", "bentoml", "serve", "--host", "127.0.0.1", "--port", str(port))
    (row,) = lines(done.stdout + done.stderr)
    assert (done.returncode, row["event"]) == (2, "cannot start")
    assert f"listening on 127.0.0.1:{port} failed: Address already in use" in row["reason"]
    assert "--port" in row["reason"]


def test_ctrl_c_while_the_service_is_loaded_is_one_line(home, tmp_path):
    token = tmp_path / "token"
    os.mkfifo(token)  # reading the settings waits for it
    server = begin_server(home, MONITORING_TOKEN_FILE=str(token))
    try:
        with token.open("wb"):
            server.process.send_signal(signal.SIGINT)
            assert server.process.wait(timeout=30) == 130
    finally:
        server.process.kill()
    assert [row["event"] for row in lines(server.log.read_text())] == ["interrupted"]


@pytest.fixture(params=["a file", "below a file", "read-only"])
def no_store(request, tmp_path):
    """A `BENTOML_HOME` that cannot be used."""
    file = tmp_path / "file"
    file.touch()
    if request.param != "read-only":
        yield file if request.param == "a file" else file / "below"
        return
    folder = tmp_path / "read-only"
    folder.mkdir()
    with mounted(folder, "ro"):
        yield folder


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train.py", "drift.py", "score.py {} --out scored.csv"])
def test_a_bentoml_home_that_cannot_be_used_is_one_line(home_with_model, no_store, tmp_path, command):
    customers = tmp_path / "customers.csv"
    customers.write_text(",".join(SAFE) + "\n" + ",".join(map(str, SAFE.values())))
    done = home_with_model.run(*command.format(customers).split(), BENTOML_HOME=str(no_store))
    (line,) = done.stderr.splitlines()
    assert f"BENTOML_HOME={str(no_store)!r} is not allowed" in line
    assert done.returncode == 2
