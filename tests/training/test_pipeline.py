"""Training in memory: what is evaluated, what is chosen, and that the two forms of a model agree."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from churn.data.dataset import Dataset, simulate
from churn.errors import TrainingError
from churn.schema.reading import bundled_schema
from churn.schema.record import MISSING_CATEGORY
from churn.training import pipeline as pipeline_module
from churn.training.export import candidate_scorer, check_parity, export_onnx, score_frame
from churn.training.pipeline import train_model

BUNDLED = bundled_schema()


def dataset(rows, seed, missing=0.0):
    frame, target, _ = simulate(rows, seed)
    frame = frame.astype(dict.fromkeys(BUNDLED.category_names, object))
    rng = np.random.default_rng(seed)
    for name in BUNDLED.number_names:
        frame.loc[rng.random(rows) < missing, name] = np.nan
    for name in BUNDLED.category_names:
        frame.loc[rng.random(rows) < missing, name] = MISSING_CATEGORY
    return Dataset(Path("simulated.csv"), "0" * 64, frame, target, BUNDLED)


@pytest.mark.parametrize("estimator", ["logistic", pytest.param("hist-gradient-boosting", marks=pytest.mark.slow)])
def test_both_estimators_train_export_and_agree_with_missing_and_unseen_values(estimator):
    model = train_model(dataset(300, 1, missing=0.04), estimator=estimator, seed=3, holdout=dataset(300, 4))
    onnx = export_onnx(model)
    assert check_parity(model, onnx) < 1e-6
    frame = dataset(300, 2, missing=0.2).frame
    frame.loc[:20, "region"] = "MARS"
    served = score_frame(candidate_scorer(model, onnx), frame)
    assert np.abs(served - model.pipeline.predict_proba(frame)[:, 1]).max() < 1e-6


@pytest.mark.slow
def test_trees_split_alike_between_neighbouring_32_bit_numbers():
    """Thresholds are means of neighbours, which 32 bits cannot hold."""
    frame = dataset(400, 1).frame
    low = np.float32(31.37)
    frame["avg_session_minutes"] = np.where(np.arange(400) % 2, low, np.nextafter(low, np.float32(np.inf)))
    target = (np.arange(400) % 2).astype(np.int8)
    target[::10] ^= 1
    data = Dataset(Path("simulated.csv"), "", frame, target, BUNDLED)
    model = train_model(data, estimator="hist-gradient-boosting", seed=3, holdout=data)
    assert np.ptp(model.pipeline.predict_proba(frame)[:, 1]) > 0.3  # the split is there
    assert check_parity(model, export_onnx(model)) < 1e-6


def test_a_serving_form_that_disagrees_is_refused():
    holdout = dataset(100, 2)
    model = train_model(dataset(400, 1), estimator="logistic", seed=3, holdout=holdout)
    other = export_onnx(train_model(dataset(400, 9), estimator="logistic", seed=3, holdout=holdout))
    with pytest.raises(TrainingError, match=r"disagrees with scikit-learn: 0\.\d+ instead of 0\.\d+ for .*tenure"):
        check_parity(model, other)


@pytest.mark.slow
def test_the_same_data_and_seed_give_the_same_model_to_the_last_bit():
    first, second = (train_model(dataset(200, 1), estimator="logistic", seed=3) for _ in range(2))
    assert first.threshold == second.threshold
    assert np.array_equal(first.predictions.probability, second.predictions.probability)
    assert export_onnx(first) == export_onnx(second)
    assert train_model(dataset(200, 1), estimator="logistic", seed=4).threshold != first.threshold


@pytest.mark.slow
def test_every_row_is_predicted_by_a_model_that_has_not_seen_it():
    """With noise features turned into an identity, a model that had seen a row would know its target."""
    rng = np.random.default_rng(0)
    data = dataset(300, 5)
    target = rng.permutation(data.target)
    model = train_model(replace(data, target=target), estimator="hist-gradient-boosting", seed=1)
    seen = model.pipeline.predict_proba(data.frame)[:, 1]
    predicted = model.predictions.probability
    assert np.corrcoef(seen, target)[0, 1] > 0.15
    assert np.corrcoef(predicted, target)[0, 1] < 0.12
    assert model.predictions.source == "out-of-fold"


def test_a_large_set_is_evaluated_on_a_held_out_quarter_of_the_same_churn_rate(monkeypatch):
    monkeypatch.setattr(pipeline_module, "OUT_OF_FOLD_ROWS", 1000)
    monkeypatch.setattr(pipeline_module, "SELECTION_ROWS", 600)
    data = dataset(1200, 5)
    predictions = train_model(data, estimator="logistic", seed=1).predictions
    assert predictions.source == "held-out quarter"
    assert len(predictions.target) == 300
    assert predictions.target.mean() == pytest.approx(data.target.mean(), abs=0.01)


def test_a_holdout_file_is_what_is_evaluated():
    other = dataset(200, 8)
    predictions = train_model(dataset(400, 5), estimator="logistic", seed=1, holdout=other).predictions
    assert predictions.source == "simulated.csv"
    assert np.array_equal(predictions.target, other.target)


def test_too_few_rows_of_a_class_are_refused():
    data = dataset(60, 5)
    target = np.zeros(60, dtype=np.int8)
    target[:6] = 1
    with pytest.raises(TrainingError, match="the rarer class has 6, cross-validation needs at least 7"):
        train_model(replace(data, target=target), estimator="logistic", seed=1)


def test_progress_of_a_training_is_shown_to_people_alone(monkeypatch, capsys):
    data = dataset(100, 1)
    train_model(data, estimator="logistic", seed=1, holdout=data)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    train_model(data, estimator="logistic", seed=1, holdout=data)
    assert "training logistic" in (said := capsys.readouterr().err)
    assert "10/10" in said
    assert "fitting the model to all rows ..." in said
