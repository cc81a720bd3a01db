"""Each metric against scikit-learn or a loop that anyone can check by eye."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from churn import evaluation as metrics
from churn.decision import Campaign
from churn.evaluation import Cells, Predictions, evaluate


def predicted(target, probability, threshold=0.5):
    target, probability = np.asarray(target, dtype=np.int8), np.asarray(probability, dtype=float)
    return Predictions("a test", pd.DataFrame(), target, probability, (probability >= threshold).astype(np.int8))


def sample(rows, seed, levels=None):
    rng = np.random.default_rng(seed)
    probability = rng.beta(2, 2, rows)
    if levels:
        probability = np.round(probability * levels) / levels
    return (rng.random(rows) < probability).astype(np.int8), probability


def expected(target, probability, decision):
    return {
        "accuracy": oracle.accuracy_score(target, decision),
        "precision": oracle.precision_score(target, decision, zero_division=0),
        "recall": oracle.recall_score(target, decision, zero_division=0),
        "f1": oracle.f1_score(target, decision, zero_division=0),
        "roc_auc": oracle.roc_auc_score(target, probability),
        "average_precision": oracle.average_precision_score(target, probability),
        "lift_top_tenth": lift_of_the_top_tenth(target, probability),
        "log_loss": oracle.log_loss(target, probability, labels=[0, 1]),
        "brier": oracle.brier_score_loss(target, probability),
        "baseline_f1": oracle.f1_score(target, np.ones_like(target)),
        "baseline_log_loss": oracle.log_loss(target, np.full(len(target), target.mean()), labels=[0, 1]),
    }


def lift_of_the_top_tenth(target, probability):
    """Row by row from the top; rows of one probability all count with its churn rate."""
    rate = {value: target[probability == value].mean() for value in set(probability)}
    wanted, found = len(target) / 10, 0.0
    for value in sorted(probability, reverse=True):
        found += rate[value] * min(1.0, max(wanted, 0.0))
        wanted -= 1
    return found / (len(target) / 10) / target.mean()


@given(st.integers(2, 300), st.integers(0, 2**32 - 1), st.sampled_from([None, 4, 50]))
@settings(max_examples=60, deadline=None)
def test_every_metric_equals_scikit_learns(rows, seed, levels):
    target, probability = sample(rows, seed, levels)
    if len(set(target)) < 2:
        return
    predictions = predicted(target, probability)
    values = evaluate(predictions, seed).values
    for name, value in expected(target, probability, predictions.decision).items():
        assert values[name] == pytest.approx(value, abs=1e-9), name


def test_calibration_error_equals_a_loop_over_bins_of_equal_size():
    target, probability = sample(1000, 3)
    order = np.argsort(probability)
    total = 0.0
    for part in np.split(order, metrics.CALIBRATION_BINS):
        total += abs(sum(probability[row] - target[row] for row in part))
    assert evaluate(predicted(target, probability), 0).values["calibration_error"] == pytest.approx(total / 1000)


def test_a_resample_gives_what_the_repeated_rows_give():
    target, probability = sample(60, 5, levels=20)
    decision = (probability >= 0.4).astype(np.int8)
    cells = Cells(target, probability, decision)
    weights = cells.resample(seed=1, draws=20)
    drawn = cells.metrics(weights)
    for draw in range(20):
        repeat = weights[draw].astype(int)
        assert repeat.sum() == 60
        # A mean over equal numbers may differ from them in the last bit, which would untie them.
        columns = (cells.positive, cells.probability.round(9), cells.decided)
        rows = [np.repeat(column, repeat) for column in columns]
        for name, value in expected(*rows).items():
            assert drawn[name][draw] == pytest.approx(value, abs=1e-9), name


@pytest.mark.slow
def test_many_rows_are_gathered_for_the_bootstrap_alone():
    target, probability = sample(60_000, 7)
    predictions = predicted(target, probability)
    evaluation = evaluate(predictions, 0)
    assert len(evaluation.cells.count) <= 4 * metrics.COARSE_LEVELS
    gathered = evaluation.cells.metrics(evaluation.cells.once())
    for name, value in expected(target, probability, predictions.decision).items():
        assert evaluation.values[name] == pytest.approx(value, abs=1e-9), name
        # These two are taken at the end of a group, and of what part of it is in the top tenth.
        tolerance = 1e-3 if name in ("average_precision", "lift_top_tenth") else 2e-5
        assert gathered[name][0] == pytest.approx(value, abs=tolerance), name


@pytest.mark.slow
def test_intervals_cover_the_truth_about_as_often_as_they_say():
    truth = {"roc_auc": [], "log_loss": [], "f1": []}
    population = evaluate(predicted(*sample(400_000, 0)), 0).values
    for seed in range(1, 51):
        found = evaluate(predicted(*sample(200, seed)), seed).metrics
        for name, hits in truth.items():
            hits.append(found[name].low <= population[name] <= found[name].high)
    for name, hits in truth.items():
        assert 42 <= sum(hits) <= 50, name


def test_the_expected_profit_and_its_interval_equal_a_loop_over_customers_drawn_with_their_rows():
    rng = np.random.default_rng(2)
    customer = np.repeat(np.arange(200), rng.integers(1, 4, 200))
    target, probability = (rng.random(len(customer)) < 0.4).astype(np.int8), rng.random(200)[customer]
    decision = (probability >= 0.5).astype(np.int8)
    campaign = Campaign(contact_cost=10, customer_value=100, success_rate=0.2)
    worth = decision * (target * 0.2 * 100 - 10)
    found = evaluate(Predictions("a test", pd.DataFrame(), target, probability, decision, customer), 3)
    profit = found.expected_profit(campaign)
    assert profit.value == pytest.approx(worth.mean())
    assert profit.value < 0  # an interval of money may lie below 0
    draws = []
    for _ in range(500):
        rows = np.concatenate([np.flatnonzero(customer == drawn) for drawn in rng.integers(200, size=200)])
        draws.append(worth[rows].mean())
    # Two bootstraps of one sample: equal but for the noise of their draws.
    assert (profit.low, profit.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=np.std(draws) / 2)
    assert campaign.mean_profit(found.count_draws).std() == pytest.approx(np.std(draws), rel=0.15)
    # The same draws as the other metrics': what is counted gives their figures.
    counts = found.count_draws
    assert counts.reached / counts.contacted == pytest.approx(found.draws["precision"])


def test_an_interval_holds_its_figure_and_the_same_seed_gives_the_same_one():
    predictions = predicted(*sample(500, 11))
    first, second = evaluate(predictions, 4).metrics, evaluate(predictions, 4).metrics
    assert first == second
    assert all(metric.low <= metric.value <= metric.high for metric in first.values())
    assert evaluate(predictions, 5).metrics != first
