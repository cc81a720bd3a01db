"""The wheel, built from a copy of the tree and installed where the tree is not: its files, and its commands."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

import httpx
import pytest
from conftest import ROOT, SAFE, wait_until

from churn import __version__

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(lambda name: (ROOT / name).is_file(), names):
        copy = folder / "tree" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
    # setuptools is of the locked environment, so that nothing is downloaded.
    build = (
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(folder),
        str(folder / "tree"),
    )
    done = subprocess.run([sys.executable, *build], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def files(wheel) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@dataclass
class Installed:
    """An environment with the wheel, and the locked packages beside it, called from an empty folder."""

    programs: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("CHURN_", "PYTHON", "MODEL_"))
        }
        return clean | {"BENTOML_HOME": str(self.folder / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}

    def command(self, *arguments: str) -> list[str]:
        return [str(self.programs / "churn"), *arguments]

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            self.command(*arguments), cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Installed:
    base, folder = tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("empty")
    venv.create(base, with_pip=False)
    (packages,) = base.glob("lib/python3*/site-packages")
    # A folder in a .pth is looked through for packages, but not for further .pth files: the tree stays out of sight.
    (packages / "locked.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    into = ("-m", "pip", "--python", str(base / "bin" / "python"), "install", "--no-deps", "--no-index", str(wheel))
    done = subprocess.run([sys.executable, *into], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return Installed(base / "bin", folder)


def test_all_of_both_packages_is_in_it_and_nothing_else(files):
    suffixes = (".py", ".jinja", ".css", ".typed")
    tree = {
        str(path.relative_to(ROOT))
        for package in ("churn", "serving")
        for path in (ROOT / package).rglob("*")
        if path.suffix in suffixes
    }
    bundled = {
        "churn/_bundled/data/churn.csv": ROOT / "data" / "churn.csv",
        "churn/_bundled/schemas/churn.toml": ROOT / "schemas" / "churn.toml",
    }
    described = {name for name in files if ".dist-info/" in name}
    assert files.keys() - described == tree | bundled.keys()
    assert {"churn/py.typed", "serving/py.typed", "churn/page/style.css", "churn/drift/page.html.jinja"} <= tree
    for name, path in bundled.items():
        assert files[name] == path.read_bytes()


def test_it_says_what_it_is(files):
    prefix = f"churn_api-{__version__}.dist-info"
    about = Parser().parsestr(files[f"{prefix}/METADATA"].decode())
    assert (about["Name"], about["Version"], about["Requires-Python"]) == ("churn-api", __version__, "==3.12.*")
    assert (about["License-Expression"], about["Description-Content-Type"]) == ("Apache-2.0", "text/markdown")
    assert files[f"{prefix}/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    assert "churn = churn.commands:main" in files[f"{prefix}/entry_points.txt"].decode()
    assert files[f"{prefix}/top_level.txt"].decode().split() == ["churn", "serving"]


def test_it_trains_and_predicts_in_an_empty_folder(installed):
    assert installed.run("--version") == f"churn-api {__version__}\n"
    assert "churn_model_v1:v1" in installed.run("train")
    assert (installed.folder / "registry" / "current_model.txt").read_text(encoding="utf-8") == "churn_model_v1:v1\n"
    answer = json.loads(installed.run("predict", *(f"{name}={value}" for name, value in SAFE.items())))
    assert answer["model_version"] == "churn_model_v1:v1"
    assert list(installed.folder.rglob("*.html")), "templates and style sheet are in the wheel"
    assert "churn_model_v1:v1" in installed.run("registry", "list")


def test_it_serves_in_an_empty_folder(installed, tmp_path):
    empty = Installed(installed.programs, tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log"
    with log.open("wb") as sink:
        server = subprocess.Popen(
            empty.command("serve", "--host", "127.0.0.1", "--port", str(port)),
            cwd=tmp_path, env=empty.environment, stdout=sink, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        wait_until(lambda: server.poll() is not None or status(port, "/health") == 200, log.read_text, 90)
        assert status(port, "/ready") == 503
        empty.run("train")
        wait_until(lambda: status(port, "/ready") == 200, log.read_text, 60)
        asked = httpx.post(f"http://127.0.0.1:{port}/predict", json=SAFE)
        assert (asked.status_code, asked.json()["model_version"]) == (200, "churn_model_v1:v1")
        page = httpx.get(f"http://127.0.0.1:{port}/model", headers={"Accept": "text/html"})
        assert "<html" in page.text
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=60) == 0
    finally:
        server.terminate()
        server.wait(timeout=60)
    first = log.read_text(encoding="utf-8").splitlines()[0]
    assert re.fullmatch(r"churn serve: .* is missing: .*; the service starts without a model, .*", first)
    assert str(ROOT) not in log.read_text(encoding="utf-8")


def status(port: int, path: str) -> int:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=10).status_code
    except httpx.TransportError:
        return 0
