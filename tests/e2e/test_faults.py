"""What breaks around the service: disks, clocks, workers, and the order to leave."""

import asyncio
import collections
import json
import os
import signal
import subprocess
import time

import httpx
import pytest
from conftest import SAFE, begin_server, mounted, start_server, wait_until

from churn.journal.bound import Bound
from churn.journal.writer import Journal
from churn.model.scorer import Scorer
from churn.registry import Registry
from churn.schema.record import Customer
from churn.scoring.predictor import Predictor
from churn.scoring.responses import utc_now


def predict(server, **fields):
    return httpx.post(f"{server.url}/predict", json=SAFE | fields)


def dropped(server):
    rows = httpx.get(f"{server.url}/metrics").text.splitlines()
    return sum(float(row.split()[-1]) for row in rows if row.startswith("churn_journal_dropped_total"))


def journalled(home):
    lines = collections.Counter(json.loads(line)["request_id"] for line in home.journal_lines())
    assert set(lines.values()) <= {1}
    return set(lines)


def errors(server):
    rows = [json.loads(row) for row in server.log.read_text().splitlines() if row.startswith("{")]
    return [row["event"] for row in rows if row["level"] == "ERROR"]


@pytest.fixture
def small_disk(home_with_model):
    """The journal's folder on a file system of 1 MiB."""
    logs = home_with_model.path / "logs"
    logs.mkdir()
    with mounted(logs, "size=1m"):
        yield logs


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [30])
def test_a_full_disk_loses_what_the_counter_says_and_no_prediction(home_with_model, small_disk, seconds):
    server = start_server(home_with_model)
    filler = small_disk / "filler"

    def fill():
        with filler.open("wb", buffering=0) as file:
            for size in (65536, 4096, 512, 64, 1):
                try:
                    while file.write(b"x" * size) == size:
                        pass
                except OSError:
                    continue

    try:
        answered = [f"before-{number}" for number in range(100)]
        assert all(predict(server, request_id=request_id).status_code == 200 for request_id in answered)
        fill()
        end = time.monotonic() + seconds
        with httpx.Client(base_url=server.url) as http:
            while time.monotonic() < end:
                answered.append(f"full-{len(answered)}")
                assert http.post("/predict", json=SAFE | {"request_id": answered[-1]}).status_code == 200
        filler.unlink()
        for number in range(100):
            answered.append(f"after-{number}")
            assert predict(server, request_id=answered[-1]).status_code == 200
        lines = journalled(home_with_model)
        assert lines <= set(answered)
        assert {f"after-{number}" for number in range(100)} <= lines
        lost = len(answered) - len(lines)
        assert lost > 100
        wait_until(lambda: dropped(server) == lost, lambda: f"{lost} lost, {dropped(server)} counted")
        assert set(errors(server)) == {"journal cannot be written"}
        assert len(errors(server)) <= seconds / 10 + 2
    finally:
        server.stop()


@pytest.mark.slow
def test_a_read_only_folder_drops_lines_and_writing_resumes(home_with_model, small_disk):
    server = start_server(home_with_model)
    try:
        assert predict(server, request_id="before").status_code == 200
        # Not a remount of a file system with an open file, which the kernel refuses: another one in its place.
        command = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", small_disk]
        subprocess.run(command, check=True)
        time.sleep(1.1)  # the journal looks once a second whether its file is still where it was
        assert predict(server, request_id="during").status_code == 200
        assert dropped(server) == 1
        subprocess.run(["umount", small_disk], check=True)
        assert predict(server, request_id="after").status_code == 200
        assert journalled(home_with_model) == {"before", "after"}
    finally:
        server.stop()


def test_a_clock_that_steps_back_changes_no_delay(home_with_model, monkeypatch):
    """The wall clock of this process goes back by an hour at each look; delays and journal go on."""

    class Observer:
        def predicted(self, scorer, probabilities, seconds):
            assert all(0 <= second < 5 for second in seconds)

        def journal_dropped(self, lines, error):
            raise error

    clock = iter(range(2_000_000_000, 0, -3600))
    monkeypatch.setenv("BENTOML_HOME", str(home_with_model.bentoml_home))
    registry = Registry(home_with_model.path)
    tag = registry.current()
    scorer = Scorer.load(tag, registry.fetch(tag))
    journal = Journal(Bound(home_with_model.path / "logs", 32 * 2000))
    predictor = Predictor(journal, Observer())
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))

    async def run():
        return [json.loads(await predictor.predict(scorer, Customer(SAFE), f"clock-{number}")) for number in range(20)]

    answers = asyncio.run(run())
    assert all(0 <= answer["latency_ms"] < 5000 for answer in answers)
    assert journalled(home_with_model) == {f"clock-{number}" for number in range(20)}
    assert utc_now().endswith("Z")


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_the_other_goes_on(home_with_model):
    server = start_server(home_with_model, CHURN_WORKERS="2")
    try:
        wait_until(lambda: len(server.worker_pids()) == 2, server.log.read_text)
        killed, other = server.worker_pids()
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: predict(server).status_code == 200, server.log.read_text)
        wait_until(lambda: len(set(server.worker_pids()) - {killed}) == 2, server.log.read_text, 60)
        assert other in server.worker_pids()
        wait_until(lambda: not gauges_of(home_with_model, killed), server.log.read_text)
        assert gauges_of(home_with_model, other)
    finally:
        server.stop()
    assert not list(home_with_model.bentoml_home.glob("prometheus_multiproc_dir*"))


def gauges_of(home, pid):
    return list(home.bentoml_home.glob(f"prometheus_multiproc_dir-*/gauge_live*_{pid}.db"))


@pytest.mark.slow
def test_a_service_started_twice_leaves_the_first_one_its_metrics(home_with_model):
    server = start_server(home_with_model)
    try:
        assert predict(server).status_code == 200
        port = server.url.rpartition(":")[2]
        second = home_with_model.run("-m", "bentoml", "serve", "--host", "127.0.0.1", "--port", port)
        assert second.returncode == 2
        assert "Address already in use" in second.stderr
        assert 'outcome="stay"} 1.0' in httpx.get(f"{server.url}/metrics").text
    finally:
        server.stop()


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told_to_while_it_starts_its_workers(home_with_model, sign):
    server = begin_server(home_with_model, CHURN_WORKERS="4")
    try:
        while not server.worker_pids():
            assert server.process.poll() is None, server.log.read_text()
        server.process.send_signal(sign)
        assert server.process.wait(timeout=20) == 0
    finally:
        server.process.kill()


@pytest.mark.slow
def test_sigterm_twice_ends_it_once_with_every_answer_in_the_journal(home_with_model):
    server = start_server(home_with_model)
    answered = set()
    with httpx.Client(base_url=server.url) as http:
        for number in range(50):
            answered.add(f"term-{number}")
            assert http.post("/predict", json=SAFE | {"request_id": f"term-{number}"}).status_code == 200
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=20) in (0, 143, -signal.SIGTERM)
    assert journalled(home_with_model) == answered
    assert "Traceback" not in server.log.read_text()


@pytest.mark.slow
def test_sigkill_loses_no_answer(home_with_model):
    server = start_server(home_with_model)
    answered = {f"kill-{number}" for number in range(50)}
    assert all(predict(server, request_id=request_id).status_code == 200 for request_id in answered)
    workers = server.worker_pids()
    for pid in (server.process.pid, *workers):
        os.kill(pid, signal.SIGKILL)
    server.process.wait(timeout=10)
    assert journalled(home_with_model) == answered
