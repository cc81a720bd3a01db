"""What the gate lets pass and what it refuses, and that each rule can refuse alone."""

import numpy as np
import pandas as pd
import pytest

from churn.evaluation import Predictions, evaluate
from churn.training.gate import gate_candidate


def verdict(target, probability, threshold=0.4, gate_f1=0.60):
    target, probability = np.asarray(target, dtype=np.int8), np.asarray(probability, dtype=float)
    decision = (probability >= threshold).astype(np.int8)
    return gate_candidate(evaluate(Predictions("a test", pd.DataFrame(), target, probability, decision), 42), gate_f1)


def failed(found):
    return {check.rule for check in found.checks if not check.passed}


@pytest.fixture
def honest():
    rng = np.random.default_rng(1)
    probability = 1 / (1 + np.exp(-rng.normal(0.1, 0.8, 1200)))
    return (rng.random(1200) < probability).astype(np.int8), probability


def test_an_honest_model_passes(honest):
    found = verdict(*honest)
    assert found.passed
    assert [check.rule for check in found.checks] == [
        "f1",
        "f1_gain_upper_bound",
        "log_loss_gain_lower_bound",
        "roc_auc_lower_bound",
        "calibration_error",
    ]
    assert all(isinstance(check.passed, bool) and isinstance(check.figure, float) for check in found.checks)


def test_f1_below_the_gate_is_refused_with_figure_and_limit(honest):
    found = verdict(*honest, gate_f1=0.99)
    assert failed(found) == {"f1"}
    (check,) = (check for check in found.checks if check.rule == "f1")
    assert check.limit == 0.99
    assert 0.6 < check.figure < 0.99
    assert found.as_dict()["passed"] is False


def test_always_answering_churn_is_refused_although_its_f1_is_high(honest):
    target, _ = honest
    found = verdict(target, np.full(1200, target.mean()))
    assert failed(found) == {"log_loss_gain_lower_bound", "roc_auc_lower_bound"}
    assert found.checks[0].figure > 0.65


def test_noise_is_refused(honest):
    target, probability = honest
    found = verdict(np.random.default_rng(2).permutation(target), probability)
    assert {"log_loss_gain_lower_bound", "roc_auc_lower_bound"} <= failed(found)


def test_a_threshold_that_wastes_the_model_is_refused(honest):
    assert {"f1", "f1_gain_upper_bound"} <= failed(verdict(*honest, threshold=0.8))


def test_probabilities_that_promise_too_much_are_refused(honest):
    target, probability = honest
    overconfident = 1 / (1 + np.exp(-4 * np.log(probability / (1 - probability))))
    assert "calibration_error" in failed(verdict(target, overconfident))
    assert "roc_auc_lower_bound" not in failed(verdict(target, overconfident))
