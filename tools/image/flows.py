"""Runs of the flows in the image's environment: what lacks something is not built.

They also leave bytecode of exactly the modules that they import, where bytecode of everything weighs 100 MB more.
"""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

SOURCE = Path(__file__).parents[2]
START_SECONDS = 120
_TOKEN = "of-the-build"  # noqa: S105 - of a service that ends with the build
_ARROW = "application/vnd.apache.arrow.stream"
_PAGES = ("/", "/docs.json", "/schema.json", "/metrics", "/health", "/startup", "/model", "/drift")


class Flows:
    """The project's commands, run by one environment in a folder of their own.

    Args:
        programs: the environment's folder of programs.
        scratch: an empty folder.

    """

    def __init__(self, programs: Path, scratch: Path) -> None:
        self._programs, self._scratch = programs, scratch
        key = scratch / "key.pem"
        key.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self._environment = os.environ | {
            "CHURN_HOME": str(scratch),
            "CHURN_DOCS": "on",
            "MODEL_SIGNING_KEY_FILE": str(key),
            "MONITORING_TOKEN": _TOKEN,
            "BENTOML_HOME": f"{scratch}/bentoml",
            "BENTOML_DO_NOT_TRACK": "True",
            "ORT_DISABLE_TELEMETRY": "1",
            "PATH": f"{programs}:{os.environ['PATH']}",
        }
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def run_jobs(self) -> None:
        """Train two models, score files, look for drift; raises if one of them cannot."""
        # Of the bundled table, whatever lies in the project's folder: the image is the same for every table.
        options = ("--data", "data/churn.csv", "--schema", "schemas/churn.toml")
        self._run("python", "train.py", *options, "--version", "v1")
        other = ("--version", "v2", "--model", "hist-gradient-boosting", "--force-reason", "a second model")
        self._run("churn", "train", *options, *other)
        for form in ("parquet", "arrow", "csv"):
            self._run("churn", "score", "data/churn.csv", "--out", f"{self._scratch}/scores.{form}", "--journal")
        for command in (("python", "drift.py"), ("churn", "drift")):
            self._run(*command, allowed=(0, 3))
        self._run("churn", "schema", "infer", "data/churn.csv")
        self._run("churn", "data", "generate", "--rows", "100", "--out", f"{self._scratch}/made.parquet")

    def run_service(self) -> None:
        """Serve every route, and take another model while serving; raises if it cannot."""
        with self._served() as url:
            record = _example(url)
            for path in _PAGES:
                for kind in ("application/json", "text/html"):
                    _ask(url + path, {"Accept": kind, "Authorization": f"Bearer {_TOKEN}"})
            _predict(url, record)
            self._run("churn", "registry", "promote", "churn_model_v1:v1")
            _wait_for(url, "churn_model_v1:v1")
            _predict(url, record)
            self._run("churn", "predict", json.dumps(record), "--url", url)
        self._run("churn", "predict", json.dumps(record), "--explain")
        self._run("python", "-m", "churn.registry", "verify")
        self._run("churn", "registry", "rollback")

    @contextmanager
    def _served(self) -> Iterator[str]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [str(self._programs / "bentoml"), "serve", ".", "--host", "127.0.0.1", "--port", str(port)]
        with subprocess.Popen(command, cwd=SOURCE, env=self._environment) as server:
            try:
                _wait_for(f"http://127.0.0.1:{port}", "churn_model_v1:v2")
                yield f"http://127.0.0.1:{port}"
            finally:
                server.terminate()

    def _run(self, program: str, *arguments: str, allowed: tuple[int, ...] = (0,)) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(command, cwd=SOURCE, env=self._environment, check=False)
        if done.returncode not in allowed:
            raise SystemExit(f"{' '.join(command)} ended with code {done.returncode}")


def _example(url: str) -> dict[str, Any]:
    """A customer that the served model's schema gives as an example."""
    document = json.loads(_ask(f"{url}/docs.json"))
    record = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["example"]
    return dict(record)


def _predict(url: str, record: dict[str, Any]) -> None:
    """One customer and a batch, with reasons; the batch as JSON and as Arrow."""
    _post(f"{url}/predict?explain=true", record)
    _post(f"{url}/predict/batch?explain=true", {"customers": [record, record]})
    table, sink = pa.Table.from_pylist([record, record]), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    answer = _ask(f"{url}/predict/batch?explain=true", {"Content-Type": _ARROW}, sink.getvalue().to_pybytes())
    if pa.ipc.open_stream(answer).read_all().num_rows != table.num_rows:
        raise SystemExit("the answer to an Arrow batch does not have its rows")


def _post(url: str, body: object) -> None:
    _ask(url, {"Content-Type": "application/json"}, json.dumps(body).encode())


def _ask(url: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> bytes:
    """The body of an answer of status 200; any other raises."""
    with urllib.request.urlopen(urllib.request.Request(url, body, headers or {})) as answer:
        text: bytes = answer.read()
    return text


def _wait_for(url: str, tag: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while _current(url) != tag:
        if time.monotonic() > deadline:
            raise SystemExit(f"the service did not get ready with {tag}")
        time.sleep(0.2)


def _current(url: str) -> str | None:
    try:
        current: str = json.loads(_ask(f"{url}/ready"))["current_model"]
    except urllib.error.URLError:
        return None
    return current
