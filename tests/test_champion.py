"""The champion and its challengers: what counts, what refuses, and what cannot be compared."""

import hashlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, make_home
from registry_home import store_at

import churn.champion
from churn import training_rows
from churn.challenge import Challenge, Difference, Segment, paired_differences, segment_differences
from churn.champion import challenge_current
from churn.dataset import read_dataset, simulate
from churn.errors import ModelInvalid
from churn.gate import AUC_MARGIN, MARGIN, judge
from churn.metrics import Judgement, evaluate
from churn.registry import Registry
from churn.training_rows import TrainingRows
from train import main as train_main

ROWS = 1200


def slow_auc(target, probability):
    above = np.subtract.outer(probability[target == 1], probability[target == 0])  # every pair
    return np.mean((above > 0) + (above == 0) / 2)


def slow_loss(target, probability):
    return -np.mean(np.log(np.where(target == 1, probability, 1 - probability)))


@pytest.fixture(scope="module")
def sample():
    frame, target, truth = simulate(ROWS, 11)
    return frame, target, truth


def test_figures_and_bounds_equal_a_loop_over_resampled_rows(sample):
    _, target, truth = sample
    rng = np.random.default_rng(3)
    rows = 150
    target, champion = target[:rows], np.round(truth[:rows], 2)
    candidate = np.round(np.clip(truth[:rows] + rng.normal(0, 0.1, rows), 0.02, 0.98), 2)  # with ties
    loss, auc = paired_differences(target, champion, candidate, seed=5)
    assert loss.champion == pytest.approx(slow_loss(target, champion))
    assert loss.candidate == pytest.approx(slow_loss(target, candidate))
    assert auc.champion == pytest.approx(slow_auc(target, champion))
    assert auc.candidate == pytest.approx(slow_auc(target, candidate))
    losses, aucs = [], []
    for _ in range(400):
        drawn = rng.integers(rows, size=rows)
        t, p, q = target[drawn], champion[drawn], candidate[drawn]
        losses.append(slow_loss(t, q) - slow_loss(t, p))
        aucs.append(slow_auc(t, q) - slow_auc(t, p))
    # Two bootstraps of the same sample: equal but for the noise of 400 and 1,000 draws.
    assert (loss.low, loss.high) == pytest.approx(np.quantile(losses, [0.05, 0.95]), abs=np.std(losses) / 3)
    assert (auc.low, auc.high) == pytest.approx(np.quantile(aucs, [0.05, 0.95]), abs=np.std(aucs) / 3)


def test_a_model_beside_itself_shows_no_difference(sample):
    frame, target, truth = sample
    loss, auc = paired_differences(target, truth, truth, seed=1)
    assert (loss.low, loss.high) == pytest.approx((0, 0), abs=1e-12)
    assert (auc.low, auc.high) == (0, 0)
    assert all(segment.low == segment.difference == 0 for segment in segment_differences(frame, np.zeros(ROWS)))


def test_segments_with_enough_rows_have_their_mean_and_a_bound_for_all_at_once(sample):
    frame, _, _ = sample
    frame = frame.iloc[::-1][:1000]  # an index that is not 0, 1, 2, ...
    excess = np.random.default_rng(2).normal(0.01, 0.3, 1000)
    segments = segment_differences(frame, excess)
    assert {(segment.feature, segment.category) for segment in segments} == {
        ("plan_type", "basic"),
        ("plan_type", "premium"),
        *(("region", region) for region in ("AF", "AS", "EU", "NA")),
    }
    for segment in segments:
        part = excess[(frame[segment.feature] == segment.category).to_numpy()]
        assert segment.rows == len(part)
        assert segment.difference == pytest.approx(part.mean())
        # 2.935: the normal quantile of 1 - 0.01 / 6.
        assert segment.low == pytest.approx(part.mean() - 2.935 * part.std() / len(part) ** 0.5, abs=1e-4)
    assert [segment.category for segment in segment_differences(frame[:180], excess[:180])] == ["basic"]


LEVEL = Difference(0.62, 0.62, -0.01, 0.01)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"log_loss": Difference(0.62, 0.64, MARGIN * 1.01, 0.04)}, "champion_log_loss"),
        ({"roc_auc": Difference(0.71, 0.68, -0.05, -AUC_MARGIN * 1.01)}, "champion_roc_auc"),
        ({"segments": (Segment("region", "AS", 240, 0.1, MARGIN * 1.01),)}, "champion_segments"),
        ({"segments": (Segment("region", "AS", 240, 0.1, MARGIN * 0.99),)}, None),
    ],
)
def test_each_rule_refuses_alone(sample, changed, rule):
    frame, target, truth = sample
    evaluation = evaluate(Judgement("a test", frame, target, truth, (truth > 0.4).astype(np.int8)), 42)
    found = judge(evaluation, 0.6, Challenge("m:v1", rows=ROWS, **{"log_loss": LEVEL, "roc_auc": LEVEL} | changed))
    assert [check.rule for check in found.checks if not check.passed] == ([rule] if rule else [])
    assert json.loads(json.dumps(found.as_dict()))["champion"]["tag"] == "m:v1"


def test_a_wider_margin_lets_more_pass(sample):
    frame, target, truth = sample
    evaluation = evaluate(Judgement("a test", frame, target, truth, (truth > 0.4).astype(np.int8)), 42)
    worse = Challenge("m:v1", rows=ROWS, log_loss=Difference(0.62, 0.64, 0.01, 0.04), roc_auc=LEVEL)
    assert not judge(evaluation, 0.6, worse).passed
    assert judge(evaluation, 0.6, worse, margin=0.011).passed


def test_training_rows_are_known_again_and_others_are_not(sample):
    frame, _, _ = sample
    known = TrainingRows.from_bytes(TrainingRows.of(frame[:600]).to_bytes())
    assert known.lack(frame).tolist() == [False] * 600 + [True] * 600
    text = frame.astype({"plan_type": object, "region": object})
    text["tenure_months"] = text["tenure_months"].astype(np.int64)  # the same customers, read another way
    assert known.lack(text).tolist() == known.lack(frame).tolist()


def test_a_missing_number_is_a_value_like_others():
    frame = pd.DataFrame(
        {
            "tenure_months": [1.0, np.nan, 1.0],
            "num_complaints": [0.0, 0.0, -0.0],
            "avg_session_minutes": [5.5, 5.5, 5.5],
            "plan_type": ["basic"] * 3,
            "region": ["", "EU", ""],
        }
    )
    assert TrainingRows.of(frame[:2]).lack(frame).tolist() == [False, False, False]
    assert TrainingRows.of(frame[:1]).lack(frame).tolist() == [False, True, False]


def test_of_a_large_set_a_part_is_stored_and_only_what_it_decides_counts(sample, monkeypatch):
    frame, _, _ = sample
    monkeypatch.setattr(training_rows, "MAX_DIGESTS", 200)
    known = TrainingRows.of(frame[:800])
    assert len(known.digests) == 200
    lacked = known.lack(frame)
    assert not lacked[:800].any()
    assert 60 <= lacked[800:].sum() <= 140  # a quarter of 400: the set's 200 of 800


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x93NUMPY", "pickle", "floats", "unsorted"])
def test_other_content_is_refused(content, tmp_path):
    arrays = {
        "pickle": np.array([{}], dtype=object),
        "floats": np.array([0.5]),
        "unsorted": np.array([2, 1], dtype=np.uint64),
    }
    if isinstance(content, str):
        np.save(tmp_path / "x.npy", arrays[content], allow_pickle=True)
        content = (tmp_path / "x.npy").read_bytes()
    with pytest.raises(ModelInvalid, match=r"training_rows\.npy"):
        TrainingRows.from_bytes(content)


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
    assert "beside the champion churn_model_v1:v1 on 1,200 rows" in done.stdout
    assert "log_loss of region EU" in done.stdout
    assert {"champion_log_loss", "champion_roc_auc", "champion_segments"} <= {
        check["rule"] for check in entry["gate"]["checks"]
    }


@pytest.mark.slow
def test_a_spoilt_candidate_is_refused_and_leaves_the_pointer_alone(champion_home, data):
    done, champion, entry = train(champion_home, data / "flipped.csv", "--holdout", str(data / "holdout.csv"))
    assert done.returncode == 3
    assert champion_home.pointer.read_text() == "churn_model_v1:v1\n"
    assert "champion_log_loss" in [check["rule"] for check in entry["gate"]["checks"] if not check["passed"]]
    assert champion["log_loss"]["low"] > MARGIN


@pytest.mark.slow
def test_where_no_rows_are_left_it_says_so_and_does_not_block(champion_home):
    done, champion, _ = train(champion_home, "data/churn.csv")
    assert done.returncode == 0
    assert champion_home.pointer.read_text() == "churn_model_v1:v2\n"
    assert champion["problem"].startswith("none of 1,200 rows is left")
    assert champion["log_loss"] is None
    assert "not compared with the current model: none of 1,200 rows is left" in done.stdout


@pytest.fixture
def judged():
    """A candidate as good as can be: the probabilities that the process drew from."""
    frame, target, truth = simulate(ROWS, 104)
    return Judgement("a test", frame, target, truth, (truth > 0.4).astype(np.int8))


def challenged(home, monkeypatch, judged, *, name="churn_model_v1", fitted_on=None):
    monkeypatch.setenv("BENTOML_HOME", str(home.bentoml_home))
    return challenge_current(Registry(home.path), name, judged, fitted_on, seed=1)


def test_rows_that_one_of_the_two_was_fitted_on_do_not_count(trained_home, monkeypatch, judged):
    bundled = read_dataset(ROOT / "data" / "churn.csv").frame
    frame = pd.concat([bundled[:300], judged.frame[300:]])
    mixed = Judgement("a test", frame, judged.target, judged.probability, judged.decision)
    own = TrainingRows.of(judged.frame[1000:])
    found = challenged(trained_home, monkeypatch, mixed, fitted_on=own)
    assert (found.rows, found.left_out, found.problem) == (700, 500, None)
    assert found.log_loss is not None
    few = challenged(trained_home, monkeypatch, mixed, fitted_on=TrainingRows.of(judged.frame[400:]))
    assert few.problem.startswith("100 of 1,200 judged rows are left")
    assert few.log_loss is None


def test_a_champion_that_cannot_be_loaded_is_said_to_be_so(home_with_model, monkeypatch, judged):
    (archive,) = (home_with_model.path / "models").iterdir()
    archive.unlink()
    found = challenged(home_with_model, monkeypatch, judged)
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
def test_a_champion_of_other_content_is_said_to_be_so(champion_home, monkeypatch, judged, change, said):
    resaved(champion_home, monkeypatch, change)
    found = challenged(champion_home, monkeypatch, judged)
    assert said in found.problem
    assert judge(evaluate(judged, 42), 0.6, found).passed


def test_a_current_model_of_another_name_is_no_champion(trained_home, monkeypatch, judged):
    found = challenged(trained_home, monkeypatch, judged, name="other")
    assert "the current model is churn_model_v1:v1, this is other" in found.problem


def test_a_damaged_pointer_is_said_to_be_so(home_with_model, monkeypatch, judged):
    home_with_model.pointer.write_text("../../etc/passwd")
    assert "not a BentoML tag" in challenged(home_with_model, monkeypatch, judged).problem


def test_of_very_many_rows_some_are_compared(trained_home, monkeypatch, judged):
    monkeypatch.setattr(churn.champion, "MAX_ROWS", 500)
    found = challenged(trained_home, monkeypatch, judged)
    assert (found.rows, found.problem) == (500, None)
    assert found.left_out <= 2  # a fresh customer may happen to equal one of the champion's


def test_a_champion_that_came_while_training_is_compared_with(trained_home, tmp_path, monkeypatch, data):
    home = make_home(tmp_path)
    shutil.copytree(trained_home.path, home.path, dirs_exist_ok=True)
    home.pointer.unlink()
    monkeypatch.setenv("CHURN_HOME", str(home.path))
    real, asked = churn.champion.challenge_current, []

    def overtaken(*arguments):
        found = real(*arguments)
        asked.append(found.tag)
        home.pointer.write_text("churn_model_v1:v1\n")  # what another training does in the meantime
        return found

    monkeypatch.setattr(churn.champion, "challenge_current", overtaken)
    with store_at(tmp_path / "store"):
        assert train_main(["--data", str(data / "honest.csv")]) == 0
    assert asked == [None, "churn_model_v1:v1"]
    entry = json.loads((home.registry / "metadata.json").read_text())[-1]
    assert (entry["gate"]["champion"]["tag"], entry["gate"]["champion"]["rows"]) == ("churn_model_v1:v1", ROWS)


def test_without_a_champion_nothing_is_said(trained_home):
    (entry,) = json.loads((trained_home.registry / "metadata.json").read_text())
    assert entry["gate"]["champion"]["tag"] is None
    assert entry["gate"]["champion"]["problem"] is None
