"""Categories of rare letters, from the training file to the answer, and the stored pipeline beside the service."""

import csv
import subprocess
import sys
import unicodedata

import bentoml
import httpx
import numpy as np
import pytest
from conftest import ROOT, SAFE, make_home, start_server

from churn.training.model_files import PIPELINE_TYPES

pytestmark = pytest.mark.slow

REGION = "\u019bland"  # of its first letter, Python 3.12 knows no upper case and the validator does
PLAN = "prim\u00e9"
FEATURES = ["tenure_months", "num_complaints", "avg_session_minutes", "plan_type", "region"]
ALONE = f"""
import numpy, pandas, skops.io
frame = pandas.read_csv("raw.csv", keep_default_na=False, float_precision="round_trip")
numpy.save("probabilities.npy", skops.io.load("model.skops", trusted={PIPELINE_TYPES}).predict_proba(frame)[:, 1])
"""


def in_parts(text):
    return unicodedata.normalize("NFD", text)


def write(path, names, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names, *rows])


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of a boosting model that `train.py` has fitted to such categories."""
    folder = tmp_path_factory.mktemp("letters")
    with (ROOT / "data" / "churn.csv").open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    for row in rows:
        row[3] = in_parts(PLAN) if row[3] == "premium" else row[3]
        row[4] = REGION if row[4] == "AF" else row[4]
    write(folder / "train.csv", names, rows[:800])
    write(folder / "holdout.csv", names, rows[800:])
    home = make_home(folder)
    files = ("--data", str(folder / "train.csv"), "--holdout", str(folder / "holdout.csv"))
    done = home.run("train.py", *files, "--model", "hist-gradient-boosting", "--force-reason", "for the test")
    assert done.returncode == 0, done.stdout + done.stderr
    running = start_server(home)
    yield running
    running.stop()


@pytest.mark.parametrize("plan", [PLAN, PLAN.upper(), in_parts(PLAN), f"\u3000{in_parts(PLAN).upper()} "])
def test_what_training_saw_is_known_when_served(server, plan):
    record = SAFE | {"plan_type": plan, "region": REGION}
    answer = httpx.post(f"{server.url}/predict", json=record).json()
    assert answer["warnings"] == []
    assert (answer["features"]["plan_type"], answer["features"]["region"]) == (PLAN, REGION.upper())
    with bentoml.SyncHTTPClient(server.url) as client:
        assert client.predict(record)["warnings"] == []
    batch = httpx.post(f"{server.url}/predict/batch", json={"customers": [record]}).json()
    assert batch["predictions"][0]["probability"] == answer["probability"]
    card = httpx.get(f"{server.url}/model").json()
    assert answer["features"]["plan_type"] in card["categories"]["plan_type"]
    assert answer["features"]["region"] in card["categories"]["region"]


def test_the_stored_pipeline_gives_the_services_probabilities(server, tmp_path):
    """Loaded where this project is not, with minutes on the splits of the trees and beside them in 64 bits."""
    (stored,) = (server.home.bentoml_home / "models").glob("*/v1/model.skops")
    (tmp_path / "model.skops").write_bytes(stored.read_bytes())
    rng = np.random.default_rng(3)
    middles = rng.integers(0, 12_000, 3000) / 200  # of two customers whose minutes have two decimals
    minutes = np.concatenate([middles, np.nextafter(middles, 0), np.nextafter(middles, 99)])
    categories = [(plan, region) for plan in (PLAN, "basic", "gold") for region in (REGION.upper(), "NA", "MARS")]
    rows = [
        (int(rng.integers(0, 201)), int(rng.integers(0, 51)), float(value), *categories[rng.integers(len(categories))])
        for value in minutes
    ]
    write(tmp_path / "raw.csv", FEATURES, rows)
    customers = [dict(zip(FEATURES, row, strict=True)) for row in rows]
    answer = httpx.post(f"{server.url}/predict/batch", json={"customers": customers}, timeout=60).json()
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    served = np.array([item["probability"] for item in answer["predictions"]])
    assert np.ptp(served) > 0.3
    assert np.abs(np.load(tmp_path / "probabilities.npy") - served).max() <= 1e-5
