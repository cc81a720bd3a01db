"""The dashboard over a real Prometheus that scrapes a real service: each query gives data, of the chosen pods only."""

import json
import shutil
import socket
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import yaml
from conftest import LEAVING, ROOT, SAFE, wait_until

PROMETHEUS = shutil.which("prometheus")
DASHBOARD = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text(encoding="utf-8"))
QUERIES = [
    (panel["title"], target["expr"])
    for panel in DASHBOARD["panels"]
    if panel["type"] != "row"
    for target in panel["targets"]
]
LABELS = {"namespace": "churn-mlops", "pod": "churn-api-1"}
RESTARTS = 'kube_pod_container_status_restarts_total{namespace="churn-mlops",pod="churn-api-1",container="api"} 1\n'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed"),
]


class KubeStateMetrics(BaseHTTPRequestHandler):
    """What it gives for a pod that was restarted once."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.end_headers()
        self.wfile.write(RESTARTS.encode())

    def log_message(self, *parts):
        pass


@pytest.fixture
def kube_state_metrics():
    with ThreadingHTTPServer(("127.0.0.1", 0), KubeStateMetrics) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def start_prometheus(tmp_path):
    """Starts a Prometheus that scrapes each second, and gives its address."""
    running = []

    def start(*jobs):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        config = tmp_path / "prometheus.yaml"
        config.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}))
        log = tmp_path / "prometheus.log"
        command = [
            PROMETHEUS,
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address={address}",
        ]
        with log.open("wb") as sink:
            running.append(subprocess.Popen(command, stdout=sink, stderr=sink))
        wait_until(lambda: answers(f"http://{address}/-/ready"), log.read_text)
        return f"http://{address}"

    yield start
    for process in running:
        process.terminate()
        process.wait(timeout=20)


def answers(url):
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def query(prometheus, expression, pod=".*"):
    """The series that a panel shows, with its variables filled in as Grafana does."""
    for variable, value in (("$namespace", ".*"), ("$pod", pod), ("$__rate_interval", "30s")):
        expression = expression.replace(variable, value)
    answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": expression}, timeout=20).json()
    assert answer["status"] == "success", (answer, expression)
    return [series for series in answer["data"]["result"] if series["value"][1] != "NaN"]


def ask(url):
    """What a client may do: predictions, a batch, something that is refused."""
    for body in (SAFE, LEAVING):
        assert httpx.post(f"{url}/predict", json=body).status_code == 200
    assert httpx.post(f"{url}/predict/batch", json={"customers": [SAFE, LEAVING]}).status_code == 200
    assert httpx.get(f"{url}/nothing").status_code == 404


def write_drift_report(home):
    report = {
        "created_utc": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
        "drift": True,
        "features": [{"name": "region", "score": 2.5}],
        "prediction": {"name": "prediction", "score": 0.1},
    }
    (home.registry / "drift_report.json").write_text(json.dumps(report))


def test_each_query_gives_data_of_the_chosen_pods(home_with_model, serve, start_prometheus, kube_state_metrics):
    write_drift_report(home_with_model)
    server = serve(home_with_model)
    prometheus = start_prometheus(
        {
            "job_name": "churn-api",
            "static_configs": [{"targets": [server.url.removeprefix("http://")], "labels": LABELS}],
        },
        {"job_name": "kube", "honor_labels": True, "static_configs": [{"targets": [kube_state_metrics]}]},
    )

    def without_data():
        ask(server.url)
        return {
            (title, expression) for title, expression in QUERIES if not query(prometheus, expression, "churn-api-1")
        }

    # A rate needs two scrapes, and something between them.
    wait_until(lambda: not without_data(), lambda: str(without_data()), 60)
    for title, expression in QUERIES:
        others = query(prometheus, expression, "churn-api-2")
        assert [series["value"][1] for series in others] in ([], ["0"]), f"{title} shows another pod"
        assert len(query(prometheus, expression)) >= len(query(prometheus, expression, "churn-api-1")), title
