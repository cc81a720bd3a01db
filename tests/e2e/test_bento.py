"""The built Bento: what is in it, and that it serves the same answers as the source."""

import shutil
import subprocess

import httpx
import pytest
from conftest import BIN, LEAVING, ROOT, SAFE, Home, start_server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store(tmp_path_factory, trained_home):
    """A BentoML store with `churn-api:v1`, built as the README says."""
    home = Home(tmp_path_factory.mktemp("bento") / "home", tmp_path_factory.mktemp("bento-store"))
    shutil.copytree(trained_home.path, home.path)
    built = subprocess.run(
        [str(BIN / "bentoml"), "build", "--version", "v1"],
        cwd=ROOT,
        env=home.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return home


def test_the_bento_holds_service_training_drift_and_data(store):
    source = store.bentoml_home / "bentos" / "churn-api" / "v1" / "src"
    for name in (
        "service.py",
        "train.py",
        "drift.py",
        "score.py",
        "churn/training/pipeline.py",
        "serving/handlers.py",
        "data/churn.csv",
    ):
        assert (source / name).is_file(), name
    for name in ("tests", "models", "registry", "logs", "benchmarks", ".venv"):
        assert not (source / name).exists(), name
    # Of the project's own src/ only what the image copies: `- drift.py` in bentofile.yaml would be of any folder.
    assert [path.name for path in (source / "src").iterdir()] == ["monitor_drift.py"]
    assert not list(source.rglob("__pycache__"))


def test_the_bento_serves_the_same_answers_as_the_source(store, server):
    built = start_server(store, source="churn-api:v1", workdir=store.path)
    try:
        for record in (SAFE, LEAVING, SAFE | {"region": "MARS"}):
            sent = record | {"request_id": "same"}
            answers = [httpx.post(f"{each.url}/predict", json=sent).json() for each in (built, server)]
            for answer in answers:
                answer.pop("latency_ms"), answer.pop("ts")
            assert answers[0] == answers[1]
        assert httpx.get(f"{built.url}/docs.json").json()["info"]["x-bento"] == "v1"
    finally:
        built.stop()


def test_make_bento_exports_what_another_machine_can_import(store, tmp_path):
    exported = ROOT / "bentos" / "churn-api-exported.bento"
    # The environment is this one, as it is: it must not be made anew under the tests.
    command = ["make", "--assume-old=.venv/.installed", "bento", "VERSION=exported"]
    try:
        for _ in range(2):  # the second replaces the first
            done = subprocess.run(command, cwd=ROOT, env=store.environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
        elsewhere = store.environment | {"BENTOML_HOME": str(tmp_path)}
        done = subprocess.run(
            [str(BIN / "bentoml"), "import", str(exported)], env=elsewhere, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert (tmp_path / "bentos" / "churn-api" / "exported" / "src" / "service.py").is_file()
    finally:
        exported.unlink(missing_ok=True)
