"""Each laptop line of the runbook, run as it is written beside a real service in the state that its alert tells of."""

import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass

import httpx
import pytest
from conftest import BIN, LEAVING, ROOT, SAFE, Home, start_server, wait_until
from test_runbook import SECTIONS, blocks, on_kubernetes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
FIRST, SECOND = "churn_model_v1:v1", "churn_model_v1:v2"
TOKEN = "monitoring-secret"


@dataclass
class Laptop:
    """A project folder of one's own, in which everything is where it is by default, and its service."""

    home: Home
    environment: dict
    port: str
    process: subprocess.Popen | None = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self):
        return self.home.path / "serve.log"

    def run(self, line, *expected):
        if line.startswith("churn serve"):
            self.serve(line)
            return None
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            self.environment[name] = value
            line = "python -c 'from churn.settings import read_settings; read_settings()'"
        ran = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=self.home.path,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode in (expected or (0,)), (line, ran.stdout, ran.stderr)
        assert "Traceback" not in ran.stderr
        return ran.stdout

    def serve(self, line="churn serve 2>> serve.log"):
        self.stop()
        self.process = subprocess.Popen(["bash", "-c", f"exec {line}"], cwd=self.home.path, env=self.environment)
        wait_until(lambda: self.process.poll() is not None or self.health() is not None, self.log.read_text, 60)
        assert self.process.poll() is None, self.log.read_text()

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=30)

    def health(self):
        try:
            return httpx.get(f"{self.url}/health").json()
        except httpx.TransportError:
            return None

    def point_to(self, tag):
        self.home.pointer.write_text(f"{tag}\n")

    def wait_for(self, tag):
        healthy = {"status": "ok", "current_model": tag}
        wait_until(lambda: self.health() == healthy, lambda: str(self.health()))

    def wait_for_event(self, event):
        wait_until(lambda: f'"{event}"' in self.log.read_text(), self.log.read_text)

    def predict(self, rows=1):
        customers = [SAFE | {"request_id": f"r-{row}"} for row in range(rows)]
        answer = httpx.post(f"{self.url}/predict/batch", json={"customers": customers}, timeout=30)
        assert answer.status_code == 200
        return answer.json()["predictions"]


@pytest.fixture(scope="module")
def laptop(tmp_path_factory, trained_home):
    folder = tmp_path_factory.mktemp("project")
    home = Home(folder, tmp_path_factory.mktemp("store"))
    for name in ("data", "k8s"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("models", "registry"):
        shutil.copytree(trained_home.path / name, folder / name)
    shutil.copy(ROOT / "data" / "churn.csv", folder / "fresh.csv")
    # A port that is free, as that of a server that was started and stopped.
    probe = start_server(home)
    probe.stop()
    port = probe.url.rpartition(":")[2]
    environment = home.environment | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "BENTOML_PORT": port,
        "BENTOML_HOST": "127.0.0.1",
        "MONITORING_TOKEN": TOKEN,
        "url": f"127.0.0.1:{port}",
    }
    del environment["CHURN_HOME"]
    made = Laptop(home, environment, port)
    made.run("churn train")
    assert SECOND in home.pointer.read_text()
    yield made
    made.stop()


def without_a_model(laptop):
    laptop.home.pointer.unlink()
    laptop.serve()
    assert laptop.health()["status"] == "error"


def a_pointer_that_led_nowhere(laptop):
    laptop.point_to("churn_model_v1:v99")
    laptop.wait_for_event("model not loaded")
    laptop.point_to(SECOND)


def a_report_that_cannot_be_read(laptop):
    report = laptop.home.registry / "drift_report.json"
    report.unlink(missing_ok=True)
    report.mkdir()
    answer = httpx.get(f"{laptop.url}/drift", headers={"authorization": f"Bearer {TOKEN}"})
    report.rmdir()
    assert answer.status_code == 500
    laptop.wait_for_event("request failed")


def a_journal_that_cannot_be_written(laptop):
    logs = laptop.home.path / "logs"
    if logs.is_dir():
        shutil.rmtree(logs)
    logs.write_text("")
    laptop.predict()
    laptop.wait_for_event("journal cannot be written")
    time.sleep(1)  # the journal tries again at most so often
    logs.unlink()
    wait_until(lambda: laptop.predict() and logs.is_dir(), laptop.log.read_text)


def a_damaged_model(laptop):
    laptop.point_to(FIRST)
    laptop.wait_for(FIRST)
    shutil.rmtree(laptop.home.bentoml_home / "models")  # as in a new pod: fetched again it is from the archive
    (archive,) = (laptop.home.path / "models").glob("*v2*")
    archive.write_bytes(archive.read_bytes()[:-1])
    laptop.point_to(SECOND)
    wait_until(lambda: "pending" in laptop.health(), lambda: str(laptop.health()))


def a_journal_of_one_kind_of_customer(laptop):
    labelled = [(answer["request_id"], row % 4 == 0) for row, answer in enumerate(laptop.predict(200))]
    rows = "".join(f"{request_id},{int(left)}\n" for request_id, left in labelled)
    (laptop.home.path / "labels.csv").write_text(f"request_id,churn\n{rows}")


def a_drift_report(laptop):
    a_journal_of_one_kind_of_customer(laptop)
    laptop.run("churn drift", 3)


def a_refused_client(laptop):
    assert httpx.post(f"{laptop.url}/predict", json=LEAVING | {"region": 7}).status_code == 400


def customers(laptop):
    laptop.predict(10)


STATES = {
    "ChurnApiDown": without_a_model,
    "ChurnPodWithoutModel": a_pointer_that_led_nowhere,
    "ChurnServerErrors": a_report_that_cannot_be_read,
    "ChurnJournalDropping": a_journal_that_cannot_be_written,
    "ChurnModelNotLoaded": a_damaged_model,
    "ChurnTwoModelsInService": a_pointer_that_led_nowhere,
    "ChurnClientsRefused": a_refused_client,
    "ChurnDrift": a_journal_of_one_kind_of_customer,
    "ChurnDriftReportOld": a_drift_report,
    "ChurnJobNotRun": a_drift_report,
}


@pytest.mark.parametrize("alert", SECTIONS)
def test_the_laptop_lines_run_as_they_are_written(laptop, alert, tmp_path):
    kept = tmp_path / "kept"
    for name in ("models", "registry"):
        shutil.copytree(laptop.home.path / name, kept / name)
    exported = dict(laptop.environment)
    laptop.point_to(SECOND)
    if laptop.health() is None:
        laptop.serve()
    laptop.wait_for(SECOND)
    STATES.get(alert, customers)(laptop)
    for line in (line for block in blocks(SECTIONS[alert]) for line in block if not on_kubernetes(line)):
        command, _, codes = line.partition(" # ")
        laptop.run(command.replace("TAG", FIRST), *map(int, re.findall(r"\d+", codes)))
    if alert in OUTCOMES:
        OUTCOMES[alert](laptop)
    laptop.environment = exported
    for name in ("models", "registry"):
        shutil.rmtree(laptop.home.path / name)
        shutil.copytree(kept / name, laptop.home.path / name)


def has_a_model(laptop):
    wait_until(lambda: laptop.health()["status"] == "ok", lambda: str(laptop.health()))


def serves_the_first_model_without_a_problem(laptop):
    laptop.wait_for(FIRST)
    laptop.wait_for_event("model problem resolved")


def has_a_report(laptop):
    assert json.loads((laptop.home.registry / "drift_report.json").read_bytes())["drift"] is True


OUTCOMES = {
    "ChurnApiDown": has_a_model,
    "ChurnPodWithoutModel": has_a_model,
    "ChurnModelNotLoaded": serves_the_first_model_without_a_problem,
    "ChurnDriftReportOld": has_a_report,
}


def test_there_is_a_state_for_alerts_alone():
    assert set(STATES) | set(OUTCOMES) <= set(SECTIONS)
