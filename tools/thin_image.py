"""Removal of what the image does not need, and a run of the flows in the rest: `thin_image.py VENV`.

Running the flows does two things. It leaves bytecode of exactly the modules that they import, where bytecode
of everything weighs 100 MB more; and an image that lacks something is not built at all.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parent.parent
# Folders that hold a library's own tests, under whatever package.
TEST_FOLDERS = ("tests", "onnx/backend/test", "tornado/test", "joblib/test")
# Parts of ONNX Runtime that work on models before they are served; and its C library, a second copy of what
# its Python extension has linked in already. Of Arrow, what reads from other machines.
UNUSED = ("onnxruntime/transformers", "onnxruntime/tools", "onnxruntime/quantization", "onnxruntime/datasets")
UNUSED_FILES = (
    "onnxruntime/capi/libonnxruntime.so*",
    *(f"pyarrow/{name}" for name in ("libarrow_flight.so*", "libarrow_s3.so*")),
    *(f"pyarrow/{name}" for name in ("_flight.*.so", "_s3fs.*.so")),
)
# For compilers and type checkers.
BUILD_SUFFIXES = (".pyi", ".pyx", ".pxd", ".pxi", ".h", ".hpp", ".c", ".cpp", ".a")
START_SECONDS = 120


def main(venv: Path) -> None:
    """Thin out `venv`, then run training, the service, scoring and drift in it."""
    (packages,) = venv.glob("lib/python3*/site-packages")
    thin(packages)
    run_flows(venv / "bin")


def thin(packages: Path) -> None:
    """Delete what no flow opens from a site-packages folder."""
    for folder in TEST_FOLDERS:
        for found in list(packages.glob(f"**/{folder}")):
            shutil.rmtree(found)
    for folder in UNUSED:
        shutil.rmtree(packages / folder, ignore_errors=True)
    for pattern in UNUSED_FILES:
        for found in packages.glob(pattern):
            found.unlink()
    for file in list(packages.rglob("*")):
        if file.suffix in (*BUILD_SUFFIXES, ".pyc") and file.is_file():
            file.unlink()


def run_flows(bin_folder: Path) -> None:
    """Train, serve predictions, score a file, look for drift; raises if one of them cannot."""
    with tempfile.TemporaryDirectory() as scratch:
        environment = os.environ | {
            "CHURN_HOME": scratch,
            "CHURN_DOCS": "on",
            "BENTOML_HOME": f"{scratch}/bentoml",
            "BENTOML_DO_NOT_TRACK": "True",
            "ORT_DISABLE_TELEMETRY": "1",
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        python = str(bin_folder / "python")
        # Of the bundled table, whatever lies in the project's folder: the image is the same for every table.
        _run([python, "train.py", "--data", "data/churn.csv", "--schema", "schemas/churn.toml"], environment)
        _serve_once(bin_folder, environment)
        _run([python, "score.py", "data/churn.csv", "--out", f"{scratch}/scores.parquet"], environment)
        _run([python, "drift.py", "--min-rows", "2"], environment, allowed=(0, 3, 4))
        _run([python, "-m", "churn.registry", "verify"], environment)


def _run(command: list[str], environment: dict[str, str], allowed: tuple[int, ...] = (0,)) -> None:
    done = subprocess.run(command, cwd=SOURCE, env=environment, check=False)
    if done.returncode not in allowed:
        raise SystemExit(f"{' '.join(command)} ended with code {done.returncode}")


def _serve_once(bin_folder: Path, environment: dict[str, str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(bin_folder / "bentoml"), "serve", ".", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, cwd=SOURCE, env=environment) as server:
        try:
            _predict(f"http://127.0.0.1:{port}", server)
        finally:
            server.terminate()


def _predict(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _ready(url):
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the service did not get ready")
        time.sleep(0.2)
    body = json.dumps(_example(url)).encode()
    for _ in range(3):
        request = urllib.request.Request(f"{url}/predict", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            answer.read()


def _example(url: str) -> dict[str, Any]:
    """The record that the service's own document offers to send."""
    with urllib.request.urlopen(f"{url}/docs.json") as answer:
        body = json.load(answer)["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    example: dict[str, Any] = body["example"]
    return example


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ready") as answer:
            return bool(answer.status == 200)
    except urllib.error.URLError:
        return False


if __name__ == "__main__":
    main(Path(sys.argv[1]))
