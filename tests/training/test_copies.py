"""Copies of a customer: never divided between folds, counted as one, and no way for noise past the gate."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import make_home
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle
from sklearn.model_selection import StratifiedKFold

from churn.data.copies import number_customers
from churn.data.dataset import Dataset, simulate
from churn.errors import DataError, TrainingError
from churn.evaluation import Cells, Predictions, evaluate
from churn.schema.reading import bundled_schema
from churn.training.gate import gate_candidate
from churn.training.leakage import without_rows_of
from churn.training.paired_bootstrap import paired_differences, segment_differences
from churn.training.pipeline import train_model
from churn.training.sample import Sample


def sample_of(customer, target):
    return Sample(pd.DataFrame({"row": np.arange(len(target))}), np.asarray(target, np.int8), np.asarray(customer))


def noise(seed, rows=200, churners=0.5):
    frame, _, _ = simulate(rows, seed)
    return frame, (np.random.default_rng(seed).random(rows) < churners).astype(np.int8)


def shuffled(frame, target, index, seed):
    """The rows of `index`, in no order."""
    index = np.random.default_rng(seed).permutation(index)
    return Dataset(Path("copies.csv"), "", frame.iloc[index].reset_index(drop=True), target[index], bundled_schema())


def passes(dataset, seed, estimator="logistic"):
    model = train_model(dataset, estimator=estimator, seed=seed)
    return gate_candidate(evaluate(model.predictions, seed), gate_f1=0.60).passed


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 1)), min_size=60, max_size=300), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_no_customer_is_on_both_sides_of_a_fold_or_a_split(rows, seed):
    customer, target = number_customers(np.array([c for c, _ in rows])), [t for _, t in rows]
    sample = sample_of(customer, target)
    divisions = [sample.split(0.25, seed)]
    enough = pd.Series(customer).groupby(target).nunique().reindex([0, 1], fill_value=0).min() >= 7
    if enough:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            divisions += sample.folds(seed)
    else:
        with pytest.raises(TrainingError):
            sample.require_both_classes()
    for some, rest in divisions:
        assert sorted([*some, *rest]) == list(range(len(rows)))
        assert not set(customer[some]) & set(customer[rest])
    if enough:
        assert sorted(row for _, test in divisions[1:] for row in test) == list(range(len(rows)))
        for train, _ in divisions[1:]:
            assert len(set(sample.target[train])) == 2


def test_without_copies_the_folds_are_scikit_learns():
    target = np.random.default_rng(1).integers(0, 2, 97).astype(np.int8)
    expected = StratifiedKFold(5, shuffle=True, random_state=8).split(np.zeros(97), target)
    for ours, theirs in zip(sample_of(np.arange(97), target).folds(8), expected, strict=True):
        assert [part.tolist() for part in ours] == [part.tolist() for part in theirs]


def test_a_class_of_many_copies_of_few_customers_is_too_small():
    target = np.repeat([0, 1], [60, 60])
    customer = np.concatenate([np.arange(60), np.repeat(np.arange(60, 66), 10)])
    with pytest.raises(TrainingError, match=r"too few different customers .* the rarer class has 6, .* needs"):
        sample_of(customer, target).require_both_classes()


def predictions_with_copies(seed, customers=80):
    """Customers with 1 to 6 rows each, some of them of both targets, and predictions for them."""
    rng = np.random.default_rng(seed)
    customer = rng.permutation(np.repeat(np.arange(customers), rng.integers(1, 7, customers)))
    customer = number_customers(customer)
    probability = np.round(rng.random(customers), 2)[customer]
    target = (rng.random(len(customer)) < 0.4).astype(np.int8)
    return target, probability, (probability >= 0.4).astype(np.int8), customer


def test_a_resample_draws_customers_with_all_of_their_rows():
    target, probability, decision, customer = predictions_with_copies(3)
    cells = Cells(target, probability, decision, customer)
    drawn = cells.metrics(cells.once())
    assert drawn["f1"][0] == pytest.approx(oracle.f1_score(target, decision))
    draws = cells.metrics(cells.resample(4, 2000))
    rng, slow = np.random.default_rng(9), {"roc_auc": [], "log_loss": [], "brier": [], "f1": [], "accuracy": []}
    rows_of = [np.flatnonzero(customer == number) for number in range(customer.max() + 1)]
    for _ in range(300):
        rows = np.concatenate([rows_of[number] for number in rng.integers(len(rows_of), size=len(rows_of))])
        t, p, d = target[rows], np.clip(probability[rows], 1e-15, 1 - 1e-15), decision[rows]
        slow["roc_auc"].append(oracle.roc_auc_score(t, p))
        slow["log_loss"].append(oracle.log_loss(t, p))
        slow["brier"].append(oracle.brier_score_loss(t, p))
        slow["f1"].append(oracle.f1_score(t, d))
        slow["accuracy"].append(oracle.accuracy_score(t, d))
    for name, values in slow.items():  # two bootstraps of one sample: equal but for the noise of their draws
        assert draws[name].mean() == pytest.approx(np.mean(values), abs=np.std(values) / 4), name
        assert draws[name].std() == pytest.approx(np.std(values), rel=0.2), name


def test_every_figure_of_rows_with_copies_equals_scikit_learns():
    target, probability, decision, customer = predictions_with_copies(5)
    values = evaluate(Predictions("a test", pd.DataFrame(), target, probability, decision, customer), 1).values
    assert values["roc_auc"] == pytest.approx(oracle.roc_auc_score(target, probability), abs=1e-9)
    assert values["brier"] == pytest.approx(oracle.brier_score_loss(target, probability), abs=1e-9)
    assert values["precision"] == pytest.approx(oracle.precision_score(target, decision), abs=1e-9)
    assert values["baseline_f1"] == pytest.approx(oracle.f1_score(target, np.ones_like(target)), abs=1e-9)


def test_copies_make_no_interval_narrower():
    """20 copies of each row leave every interval as it was; 20 other customers would make it 4.5 times narrower."""
    rng = np.random.default_rng(6)
    probability = rng.beta(2, 2, 300)
    target = (rng.random(300) < probability).astype(np.int8)
    decision = (probability >= 0.5).astype(np.int8)
    once = evaluate(Predictions("a test", pd.DataFrame(), target, probability, decision), 1)
    copies = [np.tile(column, 20) for column in (target, probability, decision, np.arange(300))]
    many = evaluate(Predictions("a test", pd.DataFrame(), *copies), 1)
    for name, metric in once.metrics.items():
        assert many.metrics[name] == pytest.approx(metric, abs=1e-9), name
    chance = [each.cells.calibration_error_by_chance(0, 100) for each in (once, many)]
    assert chance[1] == pytest.approx(chance[0])


def test_weights_that_do_not_fit_into_memory_at_once_give_the_same_figures(monkeypatch):
    target, probability, decision, customer = predictions_with_copies(7)
    predictions = Predictions("a test", pd.DataFrame(), target, probability, decision, customer)
    at_once = evaluate(predictions, 2)
    chance = at_once.cells.calibration_error_by_chance(0, 50)
    monkeypatch.setattr("churn.evaluation._MOST_WEIGHTS", 7 * len(at_once.cells.count))
    in_parts = evaluate(predictions, 2)
    for name, draws in at_once.draws.items():
        assert in_parts.draws[name] == pytest.approx(draws, abs=1e-12), name
    assert in_parts.cells.calibration_error_by_chance(0, 50) == pytest.approx(chance, abs=1e-12)


def test_copies_make_no_difference_to_a_champion_clearer():
    rng = np.random.default_rng(2)
    frame, target, truth = simulate(600, 4)
    other = np.clip(truth + rng.normal(0, 0.1, 600), 0.02, 0.98)
    index = np.tile(np.arange(600), 9)
    once = paired_differences(target, truth, other, 3)
    many = paired_differences(target[index], truth[index], other[index], 3, index)
    excess = rng.normal(0.01, 0.3, 600)
    segments = segment_differences(frame, excess)
    copied = segment_differences(frame.iloc[index], excess[index], index)
    for one, nine in zip(once, many, strict=True):
        assert nine == pytest.approx(one, abs=1e-9)
    assert [segment.low for segment in copied] == pytest.approx([segment.low for segment in segments])
    assert not segment_differences(frame.iloc[index % 90], excess[index % 90], index % 90)  # 90 customers are too few


def test_a_holdout_of_copies_of_few_customers_is_too_small():
    frame, target, _ = simulate(400, 5)
    training = Dataset(Path("a.csv"), "", frame[:200], target[:200], bundled_schema())
    index = np.concatenate([np.arange(150, 200), np.repeat(np.arange(200, 299), 5)])
    holdout = Dataset(Path("b.csv"), "", frame.iloc[index].reset_index(drop=True), target[index], bundled_schema())
    with pytest.raises(DataError, match=r"only 99 of 149 customers are not in a\.csv too; at least 100"):
        without_rows_of(training, holdout)


@pytest.mark.slow
def test_noise_of_which_each_row_is_there_20_times_is_refused_and_the_copies_are_told(tmp_path):
    """The rows differ in what training does not look at: their order, letter case, blanks."""
    frame, target = noise(11)
    frame = frame.astype({"plan_type": str, "region": str}).assign(churn=target)
    other = frame.assign(
        plan_type=" " + frame["plan_type"].str.upper(),
        region=frame["region"].str.lower(),
        tenure_months=frame["tenure_months"],
    )
    pd.concat([frame, other] * 10).sample(frac=1, random_state=1).to_csv(tmp_path / "noise.csv", index=False)
    home = make_home(tmp_path)
    done = home.run("train.py", "--data", str(tmp_path / "noise.csv"))
    assert done.returncode == 3, done.stdout
    assert "3,800 of 4,000 rows" in done.stderr
    assert "(95.0%) repeat the features of another row" in done.stderr
    assert not home.pointer.exists()


def test_a_file_without_copies_has_no_such_notice(trained_home):
    assert pd.read_csv("data/churn.csv").drop(columns="churn").duplicated().sum() == 0
    entry = (trained_home.registry / "metadata.json").read_text(encoding="utf-8")
    assert '"rows": 1200' in entry
    assert '"customers": 1200' in entry


COPIES = {
    "each twice": lambda rows, _: np.tile(np.arange(len(rows)), 2),
    "each 50 times": lambda rows, _: np.tile(np.arange(len(rows)), 50),
    "1 to 50 times": lambda rows, rng: np.arange(len(rows)).repeat(rng.integers(1, 51, len(rows))),
    "a third of them": lambda rows, rng: np.r_[np.arange(len(rows)), rng.choice(len(rows), len(rows) // 3).repeat(9)],
    "churners four times": lambda rows, _: np.arange(len(rows)).repeat(1 + 3 * rows),
}


@pytest.mark.slow
@pytest.mark.parametrize(("estimator", "seeds"), [("logistic", 3), ("hist-gradient-boosting", 1)])
@pytest.mark.parametrize("which", COPIES)
def test_copied_noise_does_not_pass(which, estimator, seeds):
    for seed in range(500, 500 + seeds):
        frame, target = noise(seed, churners=0.2 if which == "churners four times" else 0.5)
        index = COPIES[which](target, np.random.default_rng(seed))
        assert not passes(shuffled(frame, target, index, seed), seed, estimator), seed


@pytest.mark.slow
def test_honest_customers_of_whom_some_are_copied_pass():
    for seed in range(900, 905):
        frame, target, _ = simulate(1200, seed)
        index = np.r_[np.arange(1200), np.random.default_rng(seed).choice(1200, 360, replace=False)]
        assert passes(shuffled(frame, target, index, seed), seed), seed
