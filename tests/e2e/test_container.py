"""Both container images, built as a user builds them and run as k8s/ says.

`CHURN_TEST_IMAGE` names an image, `churn-api:TAG`, to test instead of building one, and `churn-api-serve:TAG` with it.
Where no container registry can be reached, the base image must be there already.
"""

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator

import httpx
import pyarrow as pa
import pytest
from arrow_streams import answered, ask
from tables import all_nullable

from churn import __version__
from serving.image import BASE_IMAGE
from tests.conftest import LEAVING, ROOT, SAFE
from tests.docs.lab_page import EXAMPLES
from tests.e2e.container_engine import (
    Engine,
    Pod,
    Volume,
    find_engine,
    pod_spec,
    run_to_end,
    start,
    stop,
)
from tests.e2e.lab_shell import LabShell

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MEGABYTES_BEYOND_BASE = {"churn-api": 466, "churn-api-serve": 250}
TOKEN = "replace-me"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(find_engine())


@pytest.fixture(scope="module")
def tag(engine, tmp_path_factory) -> str:
    """Tag of both images."""
    given = os.environ.get("CHURN_TEST_IMAGE")
    if given:
        return given.removeprefix("churn-api:")
    if (
        engine("image", "inspect", BASE_IMAGE, check=False).returncode
        and engine("pull", BASE_IMAGE, check=False).returncode
    ):
        pytest.skip(f"{BASE_IMAGE} is not here and cannot be pulled")
    environment = os.environ | {"BENTOML_HOME": str(tmp_path_factory.mktemp("store"))}
    # The environment is this one, as it is: it must not be made anew under the tests.
    make = ("make", "--assume-old=.venv/.installed", "VERSION=test", "IMAGE_OPTIONS=--opt network=host")
    for target in ("image", "image-serve"):
        subprocess.run([*make, target], cwd=ROOT, env=environment, check=True)
    return "test"


@pytest.fixture(scope="module")
def image(tag) -> str:
    """The full one, which the Jobs run."""
    return f"churn-api:{tag}"


@pytest.fixture(scope="module", params=MEGABYTES_BEYOND_BASE)
def name(request) -> str:
    """Name of one image, then of the other."""
    return request.param


@pytest.fixture(scope="module")
def each_image(name, tag) -> str:
    return f"{name}:{tag}"


@pytest.fixture
def volume(tmp_path) -> Volume:
    return Volume(tmp_path / "volume", TOKEN)


@pytest.fixture
def pod(engine, each_image, volume) -> Iterator[Pod]:
    """The Deployment's container on an empty volume, of one image and of the other."""
    running = start(engine, each_image, pod_spec("deployment.yaml"), volume)
    yield running
    engine("rm", "--force", running.name)


@pytest.fixture
def ready_pod(engine, image, volume, pod) -> Pod:
    """The same once the Job's container has trained."""
    done = run_to_end(engine, image, pod_spec("job.yaml"), volume)
    assert done.returncode == 0, done.stdout + done.stderr
    pod.wait_for("/ready", 200, 30)
    return pod


def test_image_is_small(engine, name, each_image):
    beyond = engine.inspect(each_image)["Size"] - engine.inspect(BASE_IMAGE)["Size"]
    assert beyond <= MEGABYTES_BEYOND_BASE[name] * 1e6


def test_image_has_no_build_tools(engine, each_image):
    tools = ("gcc", "cc", "make", "git", "uv")
    found = engine(
        "run", "--rm", "--network=host", each_image, "sh", "-c", f"command -v {' '.join(tools)}", check=False
    )
    assert found.stdout == ""


def test_image_says_what_it_is_and_how_it_runs(engine, each_image):
    config = engine.inspect(each_image)["Config"]
    assert config["User"] not in ("", "root", "0")
    assert "8000/tcp" in config["ExposedPorts"]
    assert config["Cmd"] == pod_spec("deployment.yaml")["containers"][0]["args"]
    assert {"BENTOML_DO_NOT_TRACK=True", "ORT_DISABLE_TELEMETRY=1", "CHURN_HOME=/app"} <= set(config["Env"])
    labels = {name.rpartition(".image.")[2]: value for name, value in config["Labels"].items()}
    assert (labels["title"], labels["version"], labels["base.name"]) == ("churn-api", __version__, BASE_IMAGE)
    assert labels["base.digest"] == engine.inspect(BASE_IMAGE)["RepoDigests"][0].rpartition("@")[2]
    commit = ("git", "show", "--no-patch", "--format=%H %cI", labels["revision"].removesuffix("-dirty"))
    shown = subprocess.run(commit, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert shown.split() == [labels["revision"].removesuffix("-dirty"), labels["created"]]
    assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}(Z|[+-][0-9:]{5})", labels["created"])  # RFC 3339


def test_its_bytecode_is_valid(engine, each_image):
    """A pod cannot write any: what is stale is compiled at each start."""
    command = ("python", "-v", "-c", "import serving.worker")
    said = engine("run", "--rm", "--network=host", "--workdir=/home/bentoml/bento/src", each_image, *command).stderr
    assert "src/serving/__pycache__/worker.cpython-312.pyc matches" in said
    assert re.findall(r"^# code object from '?((?:/app|/home)/\S+\.py)$", said, re.MULTILINE) == []


def test_bill_of_materials_lists_exactly_what_the_image_has(engine, name, each_image):
    list_all = (
        "import json, importlib.metadata as m; print(json.dumps([(d.name, d.version) for d in m.distributions()]))"
    )
    found = engine("run", "--rm", "--network=host", each_image, "python", "-c", list_all).stdout
    document = json.loads(engine("run", "--rm", "--network=host", each_image, "cat", "/app/sbom.json").stdout)
    components = {component["bom-ref"]: component for component in document["components"]}
    listed = sorted([component["name"], component["version"]] for component in components.values())
    assert listed == sorted(json.loads(found))
    assert all(component["licenses"] for component in components.values())
    graph = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
    assert {need for needs in graph.values() for need in needs} == components.keys()
    assert ("pandas" in {name for name, _ in listed}) == (name == "churn-api")


def test_pod_waits_for_the_job_then_serves(engine, image, volume, pod):
    """Startup fails, with its reason, until the Job has promoted a model; the process is the same all along."""
    pod.wait_for("/health", 200, 60)
    waiting = pod.get("/startup")
    assert waiting.status_code == 503
    assert "pointer_missing" in waiting.text
    assert pod.status("/ready") == 503
    assert pod.get("/health").json()["status"] == "error"

    done = run_to_end(engine, image, pod_spec("job.yaml"), volume)
    assert done.returncode == 0, done.stdout + done.stderr
    pod.wait_for("/startup", 200, 30)
    assert pod.get("/ready").json() == {"status": "ready", "current_model": "churn_model_v1:v1"}
    answer = httpx.post(f"{pod.url}/predict", json=LEAVING | {"request_id": "from-outside"})
    assert (answer.status_code, answer.json()["prediction"]) == (200, 1)
    assert volume.journal_ids() == {"from-outside"}


def test_the_same_image_trains_and_serves_another_table(engine, image, volume, pod):
    """Its schema is in the ConfigMap that the Job alone mounts, its file on the volume."""
    table = all_nullable()
    data, schema = table.write(volume.folder)
    data.rename(volume.folder / "data" / "churn.csv")
    assert schema == volume.folder / "schema.toml"
    done = run_to_end(engine, image, pod_spec("job.yaml"), volume)
    assert done.returncode == 0, done.stdout + done.stderr
    pod.wait_for("/ready", 200, 60)
    record = {"months": 12, "fee": 49.9, "online": True, "plan": None}
    answer = httpx.post(f"{pod.url}/predict", json=record)
    assert (answer.status_code, answer.json()["features"]) == (200, record)
    assert answer.json()["warnings"] == ["plan is missing; scored as missing"]
    assert httpx.post(f"{pod.url}/predict", json=SAFE).status_code == 400


def test_what_people_do_inside_a_pod(name, ready_pod):
    for _ in range(3):
        assert httpx.post(f"{ready_pod.url}/predict", json=SAFE).status_code == 200
    assert "current_model.txt" in ready_pod.exec("ls", "/app/registry").stdout
    assert "predictions-" in ready_pod.exec("ls", "/app/logs").stdout
    assert "v1" in ready_pod.exec("sh", "-c", "cd src && python -m churn.registry list").stdout
    too_few = ready_pod.exec("python", "src/drift.py", check=False)
    drifted = ready_pod.exec("python", "src/drift.py", "--min-rows", "3", check=False)
    if name == "churn-api":
        assert too_few.returncode == 4, too_few.stdout + too_few.stderr
        assert drifted.returncode in (0, 3), drifted.stdout + drifted.stderr
    else:
        assert drifted.returncode == 2
        assert drifted.stderr.startswith("drift.py: No module named ")
        assert drifted.stderr.endswith(
            "in an image that only serves, run a Job of the full image; elsewhere, install the project again\n"
        )
        assert "Traceback" not in drifted.stderr


def test_the_labs_page_prints_in_a_pod_what_it_claims(engine, image, volume, tmp_path):
    """In its order, on an empty volume, with the secret's file as the token."""
    typed = [each for each in EXAMPLES if re.match("curl|for |kubectl (exec|logs)", each.bash[0])]
    pod = start(engine, image, pod_spec("deployment.yaml"), volume)
    try:
        trained = run_to_end(engine, image, pod_spec("job.yaml"), volume)
        pod.wait_for("/ready", 200, 60)
        shell = LabShell(tmp_path, pod, trained.stdout)
        for example in typed:
            done = shell(example.bash)
            assert example.claims(done.stdout) if example.output else done.returncode == 0, (example, done.stdout)
            if "MONITORING_TOKEN" in example.bash[0] and "cat" in example.bash[0]:
                assert done.stdout == TOKEN
    finally:
        engine("rm", "--force", pod.name)
    assert len(typed) > 10


def test_churn_is_a_command_in_a_pod(name, ready_pod):
    """As `kubectl exec deploy/churn-api -- churn ...` calls it: in the image's folder, without its entrypoint."""
    assert ready_pod.exec("churn", "--version").stdout == f"churn-api {__version__}\n"
    assert "churn_model_v1:v1" in ready_pod.exec("churn", "registry", "list").stdout
    ready_pod.exec("churn", "registry", "verify")
    answers = [
        json.loads(ready_pod.exec("churn", "predict", json.dumps(LEAVING), *where).stdout)
        for where in ((), ("--url", ready_pod.url))
    ]
    assert answers[0]["probability"] == answers[1]["probability"]
    commands = (
        ("train",),
        ("score", "src/data/churn.csv", "--out", "/app/logs/scores.csv"),
        ("drift", "--min-rows", "2"),
        ("data", "generate", "--rows", "2", "--out", "/app/logs/made.csv"),
        ("schema", "infer", "src/data/churn.csv"),
    )
    for command in commands:
        done = ready_pod.exec("churn", *command, check=False)
        assert "Traceback" not in done.stderr
        if name == "churn-api-serve":
            assert done.returncode == 2, command
            lacking = r"churn .*: No module named .*: in an image that only serves, run a Job of the full image; .*"
            assert re.fullmatch(lacking, done.stderr.rstrip("\n"))
        else:
            assert done.returncode in (0, 3, 4), done.stderr
    assert ready_pod.exec("churn", "registry", "rollback", check=False).returncode in (0, 2)  # nothing before it


def test_reasons_batches_and_arrow(ready_pod):
    url = f"{ready_pod.url}/predict/batch?explain=true"
    answer = httpx.post(url, json={"customers": [SAFE, LEAVING]})
    assert answer.status_code == 200
    table = answered(ask(ready_pod, pa.Table.from_pylist([SAFE, LEAVING]), "?explain=true"))
    expected = [each["probability"] for each in answer.json()["predictions"]]
    assert table.column("probability").to_pylist() == pytest.approx(expected)
    assert ready_pod.get("/", Accept="text/html").status_code == 200
    assert "<html" in ready_pod.get("/model", Accept="text/html").text
    assert ready_pod.get("/docs.json").json()["info"]["version"] == __version__


def test_a_refused_model_ends_the_job_with_3_and_leaves_the_pointer(engine, image, volume):
    spec = pod_spec("job.yaml")
    (container,) = spec["containers"]
    strict = spec | {"containers": [container | {"command": [*container["command"], "--gate-f1", "0.99"]}]}
    done = run_to_end(engine, image, strict, volume)
    assert done.returncode == 3, done.stdout + done.stderr
    assert not (volume.folder / "registry" / "current_model.txt").exists()


def test_placeholder_token_opens_nothing(ready_pod):
    assert ready_pod.status("/drift") == 401
    assert ready_pod.get("/drift", Authorization=f"Bearer {TOKEN}").status_code == 401


def test_nothing_reports_to_its_maker(engine, image, volume, ready_pod):
    """ONNX Runtime keeps a device id and a queue in the home folder where its telemetry is on."""
    httpx.post(f"{ready_pod.url}/predict", json=SAFE)
    assert "Microsoft" not in ready_pod.exec("sh", "-c", "find $HOME /bentoml -maxdepth 4").stdout


def test_image_runs_without_any_options(engine, image, volume):
    """`docker run churn-api:v1` as it is: the image's own user, writable root, no volumes."""
    trained = engine("run", "--rm", "--network=host", image, "python", "src/train.py", check=False)
    assert trained.returncode == 0, trained.stdout + trained.stderr


def test_volume_of_another_user_is_named(engine, image, volume):
    """The mistake that a cluster's storage makes most often gives a message, not a traceback."""
    (volume.folder / "registry").chmod(0o755)
    done = run_to_end(engine, image, pod_spec("job.yaml"), volume)
    output = done.stdout + done.stderr
    assert done.returncode == 2, output
    assert "registry" in output
    assert "Traceback" not in output


def test_the_pod_drains_then_ends_under_load(ready_pod, volume):
    """preStop, then SIGTERM, as a kubelet does: no request fails, every 200 is in the journal, the end is clean."""
    clients = [_Client(ready_pod, number) for number in range(8)]
    for client in clients:
        client.start()
    time.sleep(2)
    pre_stop = ready_pod.pre_stop()
    ready_pod.wait_for("/ready", 503, 5)
    for client in clients:
        client.join(timeout=10)
        assert not client.is_alive(), "a keep-alive client was not asked to leave"
    draining = httpx.post(f"{ready_pod.url}/predict", json=SAFE | {"request_id": "late"})
    assert (draining.status_code, draining.headers["connection"]) == (200, "close")
    assert pre_stop.wait(timeout=30) == 0

    batch = _Batch(ready_pod)
    batch.start()
    batch.sent.wait(timeout=10)
    code, seconds = stop(ready_pod)
    batch.join(timeout=30)
    assert batch.status == 200
    assert code in (0, 143)
    assert seconds < ready_pod.spec["terminationGracePeriodSeconds"] - 15
    assert [client.failure for client in clients if client.failure] == []
    answered = {request_id for client in clients for request_id in client.answered}
    assert len(answered) > 100
    assert answered | {"late"} <= volume.journal_ids()


def test_a_restarted_container_does_not_drain(engine, ready_pod):
    """The pod's scratch outlives a container, so the file that made the last one drain is still there."""
    ready_pod.pre_stop()
    ready_pod.wait_for("/ready", 503, 5)
    time.sleep(2)
    stop(ready_pod)
    engine("start", ready_pod.name)
    ready_pod.wait_for("/ready", 200, 60)
    time.sleep(1)
    assert ready_pod.status("/ready") == 200


class _Client(threading.Thread):
    """Predicts over one kept-alive connection until it is asked to leave."""

    def __init__(self, pod: Pod, number: int) -> None:
        super().__init__(daemon=True)
        self._url = f"{pod.url}/predict"
        self._number = number
        self.answered: list[str] = []
        self.failure: str | None = None

    def run(self) -> None:
        with httpx.Client(timeout=10) as connection:
            for count in range(1_000_000):
                request_id = f"load-{self._number}-{count}"
                try:
                    answer = connection.post(self._url, json=SAFE | {"request_id": request_id})
                except httpx.TransportError as error:
                    self.failure = f"{request_id}: {error!r}"
                    return
                if answer.status_code != 200:
                    self.failure = f"{request_id}: {answer.status_code} {answer.text}"
                    return
                self.answered.append(request_id)
                if answer.headers.get("connection") == "close":
                    return


class _Batch(threading.Thread):
    """One long request: in the server's hands when SIGTERM comes."""

    def __init__(self, pod: Pod) -> None:
        super().__init__(daemon=True)
        self._url = f"{pod.url}/predict/batch"
        self.sent = threading.Event()
        self.status = 0

    def run(self) -> None:
        body = {"customers": [SAFE] * 10_000}
        request = httpx.Request("POST", self._url, json=body)
        with httpx.Client(timeout=30) as connection:
            self.sent.set()
            self.status = connection.send(request).status_code
