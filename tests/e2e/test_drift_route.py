"""What the service shows of a real drift report: the figures in `/metrics`, JSON and page at `/drift`."""

import json
import shutil

import httpx
import pytest
from conftest import SAFE, Home, start_server, wait_until

TOKEN = {"authorization": "Bearer monitoring-secret"}


@pytest.fixture(scope="module")
def drifted(tmp_path_factory, trained_home):
    """A server whose customers are all alike, and the report that says so."""
    home = Home(tmp_path_factory.mktemp("drifted") / "home", tmp_path_factory.mktemp("drifted-store"))
    shutil.copytree(trained_home.path, home.path)
    server = start_server(home, MONITORING_TOKEN="monitoring-secret")
    customers = [SAFE | {"tenure_months": month % 60} for month in range(300)]
    assert httpx.post(f"{server.url}/predict/batch", json={"customers": customers}).status_code == 200
    done = home.run("drift.py")
    assert done.returncode == 3, done.stdout + done.stderr
    yield server
    server.stop()


def test_the_report_is_served_as_json_and_as_a_page(drifted):
    report = httpx.get(f"{drifted.url}/drift", headers=TOKEN).json()
    assert report["drift"] is True
    assert "num_complaints" in report["drifted_features"]
    assert report == json.loads((drifted.home.registry / "drift_report.json").read_text(encoding="utf-8"))
    for accept in ("application/json, text/html;q=0.1", "text/html;q=0", "*/*", "application/json"):
        assert httpx.get(f"{drifted.url}/drift", headers=TOKEN | {"accept": accept}).json() == report
    page = httpx.get(f"{drifted.url}/drift", headers=TOKEN | {"accept": "text/html,*/*"})
    assert page.headers["content-type"].startswith("text/html")
    assert "num_complaints" in page.text
    assert len(page.content) < 200_000


def test_the_report_is_in_the_metrics(drifted):
    report = httpx.get(f"{drifted.url}/drift", headers=TOKEN).json()

    def metrics():
        return httpx.get(f"{drifted.url}/metrics").text.splitlines()

    wait_until(lambda: "churn_drift_detected 1.0" in metrics(), lambda: "\n".join(metrics()))
    scores = {
        row.partition('"')[2].partition('"')[0]: float(row.split()[-1])
        for row in metrics()
        if row.startswith("churn_drift_score{")
    }
    assert scores == pytest.approx(
        {item["name"]: item["score"] for item in [*report["features"], report["prediction"]]}
    )


def test_a_report_that_cannot_be_read_is_logged_and_changes_nothing(drifted):
    path = drifted.home.registry / "drift_report.json"
    good = path.read_bytes()
    path.write_bytes(b'{"features": ')
    wait_until(lambda: "drift report cannot be read" in drifted.log.read_text(), drifted.log.read_text)
    assert "churn_drift_detected 1.0" in httpx.get(f"{drifted.url}/metrics").text
    assert "Traceback" not in drifted.log.read_text()
    path.write_bytes(good)
