"""Alerts on what a real service says in `/metrics`, before, in and after the trouble that each tells of."""

import contextlib
import json
import shutil
import socket
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from conftest import SAFE, wait_until
from prometheus_client.parser import text_string_to_metric_families
from test_alerts import RULES, promtool

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
MIB = 2**20
LIMITS = {
    "CHURN_MAX_BATCH_BYTES": str(MIB),
    "CHURN_MAX_PENDING_BYTES": str(MIB),
    "CHURN_MAX_CONNECTIONS": "8",
    "CHURN_REQUEST_SECONDS": "600",
    "MONITORING_TOKEN": "monitoring-secret",
}
TARGET = {"job": "churn", "instance": "laptop:3000"}


class Recording:
    """Scrapes of one service, a minute apart for promtool however short the time between them was."""

    def __init__(self, server):
        self.server = server
        self.client = httpx.Client(base_url=server.url, timeout=30)
        self.minutes = []

    def minute(self, action=lambda: None, times=1):
        for _ in range(times):
            action()
            families = text_string_to_metric_families(self.client.get("/metrics").text)
            self.minutes.append(
                {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}
            )

    def quiet(self, minutes=20):
        self.minute()
        self.minutes += self.minutes[-1:] * minutes

    def series(self):
        for name, labels in sorted({sample for minute in self.minutes for sample in minute}):
            inside = ",".join(f"{label}={json.dumps(value)}" for label, value in (dict(labels) | TARGET).items())
            values = [minute.get((name, labels), "_") for minute in self.minutes]
            yield {"series": f"{name}{{{inside}}}", "values": " ".join(map(str, values))}

    def wait_for(self, status):
        wait_until(lambda: self.client.get("/ready").status_code == status, self.server.log.read_text)

    def wait_for_metric(self, line):
        wait_until(lambda: line in self.client.get("/metrics").text, lambda: self.client.get("/metrics").text)


def fires_and_stops(tmp_path, recording, *alerts):
    """Whether promtool sees each alert fire in the recording, and not at its end."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "some", "rules": [RULES[alert] for alert in alerts]}]}))
    end = len(recording.minutes) - 1
    checks = []
    for alert in alerts:
        fired = f'ALERTS{{alertname="{alert}",alertstate="firing"}}'
        for expression, minute, value in (
            (f"count({fired}) or vector(0)", end, 0),
            (f"count(count_over_time({fired}[{end}m])) or vector(0)", end, 1),
        ):
            samples = [{"labels": "{}", "value": value}]
            checks.append({"expr": expression, "eval_time": f"{minute}m", "exp_samples": samples})
    test = {"interval": "1m", "input_series": list(recording.series()), "promql_expr_test": checks}
    file = tmp_path / "recorded.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(rules)], "tests": [test]}))
    return promtool("test", "rules", str(file))


@pytest.fixture
def recording(home_with_model, serve):
    server = serve(home_with_model, **LIMITS)
    made = Recording(server)
    made.wait_for(200)
    made.quiet(3)
    return made


def passes(ran):
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_service_without_a_model_whose_probes_are_no_refused_clients(home_with_model, serve, tmp_path):
    pointer = home_with_model.pointer.read_text()
    home_with_model.pointer.unlink()
    recording = Recording(serve(home_with_model, **LIMITS))

    def probed():
        assert {recording.client.get(path).status_code for path in ("/ready", "/startup") * 5} == {503}

    recording.minute(probed, 40)
    assert not any(
        name == "churn_rejected_requests_total" and value for (name, _), value in recording.minutes[-1].items()
    )
    home_with_model.pointer.write_text(pointer)
    recording.wait_for(200)
    recording.quiet()
    passes(fires_and_stops(tmp_path, recording, "ChurnApiDown", "ChurnPodWithoutModel"))
    assert '"model problem resolved"' in recording.server.log.read_text()


def test_a_pointer_that_leads_nowhere(recording, tmp_path):
    pointer = recording.server.home.pointer
    tag = pointer.read_text()
    pointer.write_text("churn_model_v1:v99\n")
    recording.wait_for_metric("churn_model_load_failures_total 1.0")
    recording.minute()
    pointer.write_text(tag)
    recording.quiet()
    passes(fires_and_stops(tmp_path, recording, "ChurnModelNotLoaded"))


def test_a_journal_that_cannot_be_written(recording, tmp_path):
    logs = recording.server.home.path / "logs"
    shutil.rmtree(logs, ignore_errors=True)
    logs.write_text("")
    recording.minute(lambda: recording.client.post("/predict", json=SAFE))
    logs.unlink()
    recording.quiet()
    passes(fires_and_stops(tmp_path, recording, "ChurnJournalDropping"))


def test_a_report_of_drift(recording, tmp_path):
    file = recording.server.home.registry / "drift_report.json"
    feature = {"name": "region", "score": 3.2}
    for drift in (True, False):
        report = {"created_utc": "2026-11-27T03:17:00Z", "drift": drift, "features": [feature], "prediction": feature}
        file.write_text(json.dumps(report))
        recording.wait_for_metric(f"churn_drift_detected {float(drift)}")
        recording.quiet()
    passes(fires_and_stops(tmp_path, recording, "ChurnDrift"))


def test_answers_of_500(recording, tmp_path):
    (recording.server.home.registry / "drift_report.json").mkdir()
    token = {"authorization": f"Bearer {LIMITS['MONITORING_TOKEN']}"}

    def fail():
        assert recording.client.get("/drift", headers=token).status_code == 500

    recording.minute(fail, 10)
    recording.quiet()
    passes(fires_and_stops(tmp_path, recording, "ChurnServerErrors"))


def test_more_than_can_be_taken_at_once(recording, tmp_path):
    large = b" " * (MIB // 10)

    def refused():
        answers = {recording.client.post("/predict/batch", content=large).status_code for _ in range(80)}
        assert answers == {429}

    with connect(recording.server) as other:
        other.sendall(
            b"POST /predict/batch HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % MIB + b" " * (MIB - 1000)
        )
        wait_until(lambda: recording.client.post("/predict/batch", content=large).status_code == 429, str)
        recording.minute(refused, 10)
    recording.quiet()
    passes(fires_and_stops(tmp_path, recording, "ChurnTooBusy"))


def test_clients_that_are_refused(recording, tmp_path):
    def some_refused():
        answers = [recording.client.post("/predict", json=SAFE | extra) for extra in ({}, {"region": 7}, {"other": 1})]
        assert [answer.status_code for answer in answers] == [200, 400, 400]

    recording.minute(some_refused, 35)
    recording.quiet(30)
    passes(fires_and_stops(tmp_path, recording, "ChurnClientsRefused"))


def test_connections_that_are_held_open(recording, tmp_path):
    def refused():
        for _ in range(400):
            with connect(recording.server) as connection, contextlib.suppress(ConnectionError):
                assert connection.recv(1) == b""

    with contextlib.ExitStack() as held:
        for _ in range(7):  # the eighth is the recording's own
            held.enter_context(connect(recording.server)).sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\n")
        recording.minute(refused, 12)
    recording.quiet()
    passes(fires_and_stops(tmp_path, recording, "ChurnSlowSenders"))


def connect(server):
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname, address.port), timeout=10)
