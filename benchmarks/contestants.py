"""The servers that are measured side by side: how each is started, and what it is asked."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import joblib
import skops.io

from churn.training.model_files import PIPELINE_TYPES

HERE = Path(__file__).parent
ROOT = HERE.parent
BIN = Path(sys.executable).parent
ALTERNATIVES = HERE / "alternatives"
SERVER_CORE, LOAD_CORE = "0", "1"

BUNDLED = ROOT / "schemas" / "churn.toml"


def example(schema: Path) -> dict[str, Any]:
    """The record of a schema's examples; each feature needs one."""
    return {feature["name"]: feature["example"] for feature in tomllib.loads(schema.read_text())["feature"]}


RECORD = example(BUNDLED)


@dataclass(frozen=True)
class Contestant:
    """One server.

    Attributes:
        name: as the table shows it.
        command: starts it on `{port}`, in the foreground.
        body: what is posted.
        path: where it is posted.
        ready: answers 200 from when it can serve.
        scored: whether its answer holds a probability.
        environment: beside the inherited one.
        folder: where it is started.

    """

    name: str
    command: tuple[str, ...]
    body: Mapping[str, Any]
    path: str = "/predict"
    ready: str = "/ready"
    scored: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = ALTERNATIVES


@dataclass
class Running:
    """A started server, pinned to one core (or several)."""

    contestant: Contestant
    process: subprocess.Popen[bytes]
    port: int
    ready_seconds: float

    @property
    def url(self) -> str:
        """Where the record is posted."""
        return f"http://127.0.0.1:{self.port}{self.contestant.path}"

    def processes(self) -> list[int]:
        """The server and all its descendants."""
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split()]
        return found

    def pss_mib(self) -> float:
        """Memory of the process tree in MiB, shared pages counted once (proportional set size)."""
        return sum(pss_mib(pid) for pid in self.processes())

    def cpu_seconds(self) -> float:
        """Processor time of the process tree so far."""
        ticks = 0
        for pid in self.processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it and wait."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def pss_mib(pid: int) -> float:
    """Proportional set size of one process in MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def start(contestant: Contestant, log: Path, cores: str = SERVER_CORE) -> Running:
    """Start a server pinned to `cores` and wait until it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["taskset", "-c", cores, *(part.format(port=port) for part in contestant.command)]
    environment = {name: value.format(port=port) for name, value in contestant.environment.items()}
    started = time.perf_counter()
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            cwd=contestant.folder,
            env={**os.environ, **environment},
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}{contestant.ready}"
    while not _answers(url):
        if process.poll() is not None or time.perf_counter() - started > 120:
            process.kill()
            raise SystemExit(f"{contestant.name} did not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.01)
    return Running(contestant, process, port, time.perf_counter() - started)


def start_workers(contestant: Contestant, log: Path, workers: int) -> Running:
    """Start the service on all cores with so many worker processes, and wait until each of them is up.

    The first one up would otherwise be given every connection.
    """
    environment = {**contestant.environment, "CHURN_WORKERS": str(workers)}
    server = start(replace(contestant, environment=environment), log, cores="0,1")
    while log.read_text().count("initialized") < workers:
        time.sleep(0.1)
    return server


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def contestants(
    home: Path, bentoml_home: Path, model: Path, bento: str, python: Path | None, record: Mapping[str, Any]
) -> list[Contestant]:
    """All of them, to be sent `record`; `python` is the alternatives' environment, without which three are left out."""
    bentoml = (str(BIN / "bentoml"), "serve")
    on_port = ("--host", "127.0.0.1", "--port", "{port}")
    own = {"BENTOML_HOME": str(bentoml_home), "CHURN_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    given = own | {"BENCH_MODEL": str(model), "BENCH_LOG": str(home / "fastapi.log")}
    uvicorn = ("-m", "uvicorn", *on_port, "--no-access-log", "--log-level", "warning")
    found = [
        Contestant("churn-api (the built Bento)", (*bentoml, bento, *on_port), record, environment=own, folder=home),
        Contestant(
            "this service behind BentoML's own layers",
            (*bentoml, "behind_bentoml:Behind", *on_port),
            record,
            environment=own,
        ),
        Contestant(
            "BentoML, idiomatic @bentoml.api",
            (*bentoml, "bentoml_api:Idiomatic", *on_port),
            record,
            ready="/readyz",
            environment=given,
        ),
        Contestant(
            "uvicorn, empty answer", (str(BIN / "python"), *uvicorn, "bare:app"), record, ready="/", scored=False
        ),
    ]
    if python is not None:
        mlserver = home / "mlserver"
        _mlserver_folder(mlserver, model)
        found += [
            Contestant("FastAPI twin", (str(python), *uvicorn, "fastapi_twin:app"), record, environment=given),
            Contestant(
                "MLServer 1.7",
                (str(python.parent / "mlserver"), "start", str(mlserver)),
                v2_request(record),
                path="/v2/models/churn/infer",
                ready="/v2/models/churn/ready",
                environment={"MLSERVER_HTTP_PORT": "{port}"},
            ),
        ]
    return found


def empty_bento(home: Path, bentoml_home: Path) -> Contestant:
    """A Bento service that does nothing, for start time and memory."""
    command = (str(BIN / "bentoml"), "serve", "bentoml_empty:Empty", "--host", "127.0.0.1", "--port", "{port}")
    environment = {"BENTOML_HOME": str(bentoml_home), "CHURN_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    return Contestant("BentoML, empty service", command, {}, ready="/readyz", scored=False, environment=environment)


def v2_request(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record in the Open Inference Protocol, as MLServer takes a pandas frame."""
    inputs = []
    for name, value in record.items():
        text = isinstance(value, str)
        column = {"name": name, "shape": [1, 1], "datatype": "BYTES" if text else "FP64", "data": [value]}
        inputs.append(column | ({"parameters": {"content_type": "str"}} if text else {}))
    return {"parameters": {"content_type": "pd"}, "inputs": inputs, "outputs": [{"name": "predict_proba"}]}


def _mlserver_folder(folder: Path, model: Path) -> None:
    folder.mkdir(exist_ok=True)
    pipeline = skops.io.load(model / "model.skops", trusted=PIPELINE_TYPES)
    joblib.dump(pipeline, folder / "model.joblib")  # the form that it serves
    settings = {"host": "127.0.0.1", "parallel_workers": 0, "grpc_port": 0, "metrics_port": 0, "debug": False}
    (folder / "settings.json").write_text(json.dumps(settings))
    implementation = {"name": "churn", "implementation": "mlserver_sklearn.SKLearnModel"}
    (folder / "model-settings.json").write_text(json.dumps(implementation | {"parameters": {"uri": "./model.joblib"}}))
