"""k8s/ on the cluster that `KUBECONFIG` names, in a namespace of its own that is removed at the end.

`CHURN_TEST_IMAGE` (churn-api:v1) and `CHURN_TEST_STORAGE_CLASS` (the default class) say what to use;
`CHURN_TEST_NEW_IMAGE` is a second image, for a change of version. The nodes must have the images, or reach them.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import LEAVING, SAFE, wait_until
from tests.e2e.cluster import Cluster, make_cluster

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not os.environ.get("KUBECONFIG"), reason="KUBECONFIG names no cluster"),
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed"),
]
READY_SECONDS = 150


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    """Everything applied to a fresh namespace, once, in one go."""
    made = make_cluster(tmp_path_factory.mktemp("cluster"))
    started = time.monotonic()
    try:
        output = made.apply()
        assert "Warning" not in output, output
        made("wait", "--for=condition=complete", "job/churn-train", f"--timeout={READY_SECONDS}s")
        made.wait_rolled_out(READY_SECONDS)
        assert time.monotonic() - started < READY_SECONDS
        yield made
    finally:
        made("delete", "namespace", made.namespace, "--timeout=300s", check=False)


@pytest.fixture
def forwarded(cluster) -> Iterator[str]:
    """The Service on a free port of loopback, through `kubectl port-forward`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["kubectl", "--namespace", cluster.namespace, "port-forward", "service/churn-api-service", f"{port}:80"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: _answers(url), lambda: "the port-forward never answered")
            yield url
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


def test_two_pods_are_ready_and_none_has_restarted(cluster):
    statuses = [status for pod in cluster.pods() for status in pod["status"]["containerStatuses"]]
    assert [(status["ready"], status["restartCount"]) for status in statuses] == [(True, 0), (True, 0)]


def test_applying_again_changes_nothing(cluster):
    before = cluster.pod_names()
    for line in cluster.apply().splitlines():
        assert line.endswith(" unchanged"), line
    cluster.wait_rolled_out()
    assert cluster.pod_names() == before


def test_what_is_applied_once_can_be_left_out(cluster):
    lines = cluster("apply", "-f", str(cluster.manifests), "-l", "!churn-mlops/once").splitlines()
    assert len(lines) == len(list(cluster.manifests.glob("*.yaml"))) - 3
    assert not [line for line in lines if line.startswith(("job.batch/", "secret/", "configmap/churn-schema"))]


def test_predict_through_a_port_forward(forwarded):
    answer = httpx.post(f"{forwarded}/predict", json=LEAVING)
    assert (answer.status_code, answer.json()["prediction"]) == (200, 1)


def test_predict_through_the_node_port(cluster):
    port = cluster.get("service", "churn-api-service")["spec"]["ports"][0]["nodePort"]
    addresses = cluster.get("nodes")["items"][0]["status"]["addresses"]
    address = next(item["address"] for item in addresses if item["type"] == "InternalIP")
    try:
        answer = httpx.post(f"http://{address}:{port}/predict", json=SAFE, timeout=5)
    except (httpx.ConnectError, httpx.ConnectTimeout):
        pytest.skip(f"the node's address {address} is not reachable from here (Docker driver?)")
    assert answer.status_code == 200


def test_placeholder_opens_nothing_and_no_token_is_shown(cluster, forwarded):
    assert httpx.get(f"{forwarded}/drift", headers={"Authorization": "Bearer replace-me"}).status_code == 401
    token = "a-token-of-the-test"
    secret = f'{{"stringData":{{"MONITORING_TOKEN":"{token}"}}}}'
    cluster("patch", "secret", "churn-secret", "--patch", secret)
    cluster("rollout", "restart", "deployment/churn-api")
    cluster.wait_rolled_out()
    pod = cluster.pod_names()[0]
    assert token not in cluster("describe", "pods,secrets") + cluster("logs", pod)
    script = (
        f"import httpx; print(httpx.get('http://127.0.0.1:8000/drift', headers={{'Authorization': 'Bearer {token}'}}))"
    )
    assert "401" not in cluster("exec", pod, "--", "python", "-c", script)


def test_drift_in_a_pod(cluster):
    pod = cluster.pod_names()[0]
    assert "current_model.txt" in cluster("exec", pod, "--", "ls", "/app/registry")
    assert "exit code 4" in cluster("exec", pod, "--", "churn", "drift", "--min-rows", "1000000", check=False)


def test_rolling_restart_under_load(cluster):
    before = cluster.pod_names()
    with cluster.load(90):
        cluster("rollout", "restart", "deployment/churn-api")
        cluster.wait_rolled_out()
    assert not set(before) & set(cluster.pod_names())


def test_deleted_pod_under_load_and_what_the_volume_keeps(cluster):
    gone = cluster.pod_names()[0]
    with cluster.load(75):
        cluster("delete", "pod", gone, "--wait=true")
        cluster.wait_rolled_out()
    kept = cluster(
        "exec", cluster.pod_names()[0], "--", "sh", "-c", "cat /app/registry/current_model.txt; ls /app/logs"
    )
    assert "churn_model_v1:v1" in kept
    assert gone in kept, "the journal of the deleted pod is gone"


def test_a_changed_setting_rolls_the_pods(cluster):
    before = cluster.pod_names()
    cluster.edit("configmap.yaml", "LOG_LEVEL: info", "LOG_LEVEL: debug")
    cluster.apply()
    cluster.wait_rolled_out()
    after = cluster.pod_names()
    assert not set(before) & set(after)
    assert cluster("exec", after[0], "--", "printenv", "LOG_LEVEL").strip() == "debug"


def test_new_image_and_back(cluster):
    new = os.environ.get("CHURN_TEST_NEW_IMAGE")
    if not new:
        pytest.skip("CHURN_TEST_NEW_IMAGE names no second image")
    with cluster.load(150):
        cluster("set", "image", "deployment/churn-api", f"api={new}")
        cluster.wait_rolled_out()
        cluster("rollout", "undo", "deployment/churn-api")
        cluster.wait_rolled_out()
    assert {pod["spec"]["containers"][0]["image"] for pod in cluster.pods()} == {cluster.image}
