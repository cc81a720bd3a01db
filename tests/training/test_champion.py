"""The champion and its candidates: what counts, what refuses, and what cannot be compared."""

import hashlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, make_home
from registry_home import store_at

import churn.training.candidate
import churn.training.champion
from churn.data.dataset import read_dataset, simulate
from churn.evaluation import Predictions, evaluate
from churn.registry import Registry
from churn.schema.reading import bundled_schema
from churn.training.champion import compare_with_current
from churn.training.gate import MARGIN, gate_candidate
from train import main as train_main

ROWS = 1200


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Fresh customers as files: honest, with 30 % of targets flipped, with one region spoilt, and a holdout."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(8)
    for name, seed in (("honest", 101), ("flipped", 102), ("holdout", 103)):
        frame, target, _ = simulate(ROWS, seed)
        if name == "flipped":
            target = np.where(rng.random(ROWS) < 0.3, 1 - target, target)
        frame.assign(churn=target).to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.fixture
def champion_home(tmp_path, trained_home):
    """A home whose champion was trained on the bundled data, with its store."""
    home = make_home(tmp_path)
    shutil.copytree(trained_home.path, home.path, dirs_exist_ok=True)
    shutil.copytree(trained_home.bentoml_home, home.bentoml_home, dirs_exist_ok=True)
    return home


def train(home, data, *options):
    done = home.run("train.py", "--data", str(data), *options)
    assert "Traceback" not in done.stderr
    entry = json.loads((home.registry / "metadata.json").read_text(encoding="utf-8"))[-1]
    return done, entry["gate"]["champion"], entry


@pytest.mark.slow
def test_an_honest_retraining_follows_the_champion_with_all_figures(champion_home, data):
    done, champion, entry = train(champion_home, data / "honest.csv", "--holdout", str(data / "holdout.csv"))
    assert done.returncode == 0, done.stdout
    assert champion_home.pointer.read_text() == "churn_model_v1:v2\n"
    assert (champion["tag"], champion["rows"], champion["left_out"]) == ("churn_model_v1:v1", ROWS, 0)
    assert champion["problem"] is None
    for name in ("log_loss", "roc_auc"):
        found = champion[name]
        assert found["low"] <= found["candidate"] - found["champion"] <= found["high"]
        assert found["candidate"] == pytest.approx(entry["metrics"][name], abs=1e-6)
    assert len(champion["segments"]) == 6
    assert "Beside the champion churn_model_v1:v1, on 1,200 rows that it has not seen" in done.stdout
    assert "region EU" in done.stdout
    assert {"champion_log_loss_lower_bound", "champion_roc_auc_upper_bound", "champion_segments_lower_bound"} <= {
        check["rule"] for check in entry["gate"]["checks"]
    }


@pytest.mark.slow
def test_a_spoilt_candidate_is_refused_and_leaves_the_pointer_alone(champion_home, data):
    done, champion, entry = train(champion_home, data / "flipped.csv", "--holdout", str(data / "holdout.csv"))
    assert done.returncode == 3
    assert champion_home.pointer.read_text() == "churn_model_v1:v1\n"
    assert "champion_log_loss_lower_bound" in [
        check["rule"] for check in entry["gate"]["checks"] if not check["passed"]
    ]
    assert champion["log_loss"]["low"] > MARGIN


@pytest.mark.slow
def test_where_no_rows_are_left_it_says_so_and_does_not_block(champion_home):
    done, champion, _ = train(champion_home, "data/churn.csv")
    assert done.returncode == 0
    assert champion_home.pointer.read_text() == "churn_model_v1:v2\n"
    assert champion["problem"].startswith("churn_model_v1:v1 was, or may have been, fitted on all 1,200 evaluated rows")
    assert champion["log_loss"] is None
    said = " ".join(done.stdout.split())
    assert "Not compared with the current model: churn_model_v1:v1 was, or may have been, fitted on all 1,200 " in said


@pytest.fixture
def predictions():
    """A candidate as good as can be: the probabilities that the process drew from."""
    frame, target, truth = simulate(ROWS, 104)
    return Predictions("a test", frame, target, truth, (truth > 0.4).astype(np.int8))


def compared(home, monkeypatch, predictions, *, name="churn_model_v1"):
    monkeypatch.setenv("BENTOML_HOME", str(home.bentoml_home))
    return compare_with_current(Registry(home.path), name, predictions, 1, bundled_schema())


def test_rows_that_the_champion_was_fitted_on_do_not_count(trained_home, monkeypatch, predictions):
    bundled = read_dataset(ROOT / "data" / "churn.csv", bundled_schema()).frame

    def mixed(known):
        frame = pd.concat([bundled[:known], predictions.frame[known:]])
        return Predictions("a test", frame, predictions.target, predictions.probability, predictions.decision)

    found = compared(trained_home, monkeypatch, mixed(300))
    assert (found.rows, found.left_out, found.problem) == (900, 300, None)
    assert found.log_loss is not None
    few = compared(trained_home, monkeypatch, mixed(1100))
    assert "fitted on 1,100 of the 1,200 evaluated rows, and a comparison needs at least 200" in few.problem
    assert few.log_loss is None


def test_a_champion_that_cannot_be_loaded_is_said_to_be_so(home_with_model, monkeypatch, predictions):
    (archive,) = (home_with_model.path / "models").iterdir()
    archive.unlink()
    found = compared(home_with_model, monkeypatch, predictions)
    assert found.tag == "churn_model_v1:v1"
    assert "is missing" in found.problem


def resaved(home, monkeypatch, change):
    """The stored champion with its files changed, and the digests recorded anew."""
    folder = home.bentoml_home / "models" / "churn_model_v1" / "v1"
    change(folder)
    path = home.registry / "metadata.json"
    entries = json.loads(path.read_text())
    names = [name for name in entries[0]["files"] if (folder / name).exists()]
    entries[0]["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    path.write_text(json.dumps(entries))


def other_schema(folder):
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"schema_version": 7}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (other_schema, "has schema version 7, this code has 1"),
        (lambda folder: (folder / "training_rows.npy").unlink(), "does not say which rows it was fitted on"),
        (lambda folder: (folder / "training_rows.npy").write_bytes(b"?"), "training_rows.npy cannot be read"),
        (lambda folder: (folder / "model.onnx").write_bytes(b"?"), "model.onnx cannot be loaded"),
    ],
)
def test_a_champion_of_other_content_is_said_to_be_so(champion_home, monkeypatch, predictions, change, said):
    resaved(champion_home, monkeypatch, change)
    found = compared(champion_home, monkeypatch, predictions)
    assert said in found.problem
    assert gate_candidate(evaluate(predictions, 42), 0.6, found).passed


def test_a_current_model_of_another_name_is_no_champion(trained_home, monkeypatch, predictions):
    found = compared(trained_home, monkeypatch, predictions, name="other")
    assert "the current model is churn_model_v1:v1, this is other" in found.problem


def test_a_damaged_pointer_is_said_to_be_so(home_with_model, monkeypatch, predictions):
    home_with_model.pointer.write_text("../../etc/passwd")
    assert "not a BentoML tag" in compared(home_with_model, monkeypatch, predictions).problem


def test_of_very_many_rows_some_are_compared(trained_home, monkeypatch, predictions):
    monkeypatch.setattr(churn.training.champion, "MAX_ROWS", 500)
    found = compared(trained_home, monkeypatch, predictions)
    assert (found.rows, found.problem) == (500, None)
    assert found.left_out <= 2  # a fresh customer may happen to equal one of the champion's


@pytest.mark.slow
def test_a_champion_that_came_while_training_is_compared_with(trained_home, tmp_path, monkeypatch, data):
    home = make_home(tmp_path)
    shutil.copytree(trained_home.path, home.path, dirs_exist_ok=True)
    home.pointer.unlink()
    monkeypatch.setenv("CHURN_HOME", str(home.path))
    real, asked = churn.training.champion.compare_with_current, []

    def overtaken(*arguments):
        found = real(*arguments)
        asked.append(found.tag)
        home.pointer.write_text("churn_model_v1:v1\n")  # what another training does in the meantime
        return found

    monkeypatch.setattr(churn.training.candidate, "compare_with_current", overtaken)
    with store_at(tmp_path / "store"):
        assert train_main(["--data", str(data / "honest.csv")]) == 0
    assert asked == [None, "churn_model_v1:v1"]
    entry = json.loads((home.registry / "metadata.json").read_text())[-1]
    assert (entry["gate"]["champion"]["tag"], entry["gate"]["champion"]["rows"]) == ("churn_model_v1:v1", ROWS)


def test_without_a_champion_nothing_is_said(trained_home):
    (entry,) = json.loads((trained_home.registry / "metadata.json").read_text())
    assert entry["gate"]["champion"]["tag"] is None
    assert entry["gate"]["champion"]["problem"] is None
