"""Two models beside each other: the figures, their bounds, and the rules of the gate that rest on them."""

import json

import numpy as np
import pytest

from churn.data.dataset import simulate
from churn.evaluation import Predictions, evaluate
from churn.training.gate import AUC_MARGIN, MARGIN, gate_candidate
from churn.training.paired_bootstrap import (
    ChampionComparison,
    Difference,
    Segment,
    paired_differences,
    segment_differences,
)

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
        ({"log_loss": Difference(0.62, 0.64, MARGIN * 1.01, 0.04)}, "champion_log_loss_lower_bound"),
        ({"roc_auc": Difference(0.71, 0.68, -0.05, -AUC_MARGIN * 1.01)}, "champion_roc_auc_upper_bound"),
        ({"segments": (Segment("region", "AS", 240, 0.1, MARGIN * 1.01, 0.2),)}, "champion_segments_lower_bound"),
        ({"segments": (Segment("region", "AS", 240, 0.1, MARGIN * 0.99, 0.2),)}, None),
    ],
)
def test_each_rule_refuses_alone(sample, changed, rule):
    frame, target, truth = sample
    evaluation = evaluate(Predictions("a test", frame, target, truth, (truth > 0.4).astype(np.int8)), 42)
    found = gate_candidate(
        evaluation, 0.6, ChampionComparison("m:v1", rows=ROWS, **{"log_loss": LEVEL, "roc_auc": LEVEL} | changed)
    )
    assert [check.rule for check in found.checks if not check.passed] == ([rule] if rule else [])
    assert json.loads(json.dumps(found.as_dict()))["champion"]["tag"] == "m:v1"


def test_a_wider_margin_lets_more_pass(sample):
    frame, target, truth = sample
    evaluation = evaluate(Predictions("a test", frame, target, truth, (truth > 0.4).astype(np.int8)), 42)
    worse = ChampionComparison("m:v1", rows=ROWS, log_loss=Difference(0.62, 0.64, 0.01, 0.04), roc_auc=LEVEL)
    assert not gate_candidate(evaluation, 0.6, worse).passed
    assert gate_candidate(evaluation, 0.6, worse, margin=0.011).passed
