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
    for name in ("service.py", "train.py", "drift.py", "churn/pipeline.py", "serving/routes.py", "data/churn.csv"):
        assert (source / name).is_file(), name
    for name in ("tests", "models", "registry", "logs", "benchmarks", ".venv"):
        assert not (source / name).exists(), name
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
        assert httpx.get(f"{built.url}/docs.json").json()["info"]["version"] == "v1"
    finally:
        built.stop()
