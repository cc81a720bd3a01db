"""What the gate lets pass and what it refuses, and that each rule can refuse alone."""

import numpy as np
import pandas as pd
import pytest

from churn.decision import F1, Campaign, Objective
from churn.evaluation import Predictions, evaluate
from churn.training.gate import MARGIN, gate_candidate
from churn.training.paired_bootstrap import ChampionComparison, Difference, Segment


def verdict(target, probability, threshold=0.4, gate_f1=0.60, objective=F1):
    target, probability = np.asarray(target, dtype=np.int8), np.asarray(probability, dtype=float)
    decision = (probability >= threshold).astype(np.int8)
    evaluation = evaluate(Predictions("a test", pd.DataFrame(), target, probability, decision), 42)
    return gate_candidate(evaluation, gate_f1, objective=objective)


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


COST = Objective("cost", Campaign(contact_cost=40, customer_value=100, success_rate=0.8))
TOP = Objective("top", share=0.1)


@pytest.mark.parametrize(
    ("objective", "threshold", "rule"),
    [(COST, 0.5, "profit_gain_upper_bound"), (TOP, 0.75, "precision_gain_lower_bound")],
)
def test_a_threshold_that_is_not_chosen_for_f1_is_asked_for_what_it_is_chosen_for(honest, objective, threshold, rule):
    found = verdict(*honest, threshold, gate_f1=0.99, objective=objective)
    assert found.passed
    assert [check.rule for check in found.checks][:2] == [rule, "log_loss_gain_lower_bound"]
    assert not [check for check in found.checks if check.rule.startswith("f1")]


def test_a_threshold_that_loses_money_beside_contacting_nobody_or_everybody_is_refused(honest):
    target, probability = honest
    dear = Objective("cost", Campaign(contact_cost=79, customer_value=100, success_rate=0.8))
    found = verdict(target, probability, 0.3, objective=dear)
    assert failed(found) == {"profit_gain_upper_bound"}
    assert found.checks[0].reason == "expected profit is below the best constant answer's, beyond noise"
    assert found.checks[0].figure < 0
    cheap = Objective("cost", Campaign(contact_cost=1, customer_value=100, success_rate=0.8))
    assert failed(verdict(target, probability, 0.8, objective=cheap)) == {"profit_gain_upper_bound"}
    everybody = verdict(target, probability, 0.0, objective=cheap)
    assert everybody.passed
    assert everybody.checks[0].figure == 0
    assert "is not shown to differ from the best constant answer's" in everybody.checks[0].reason


def test_the_gain_of_profit_is_that_of_a_loop_over_the_same_draws(honest):
    target, probability = honest
    decision = (probability >= 0.5).astype(np.int8)
    evaluation = evaluate(Predictions("a test", pd.DataFrame(), target, probability, decision), 42)
    gains = []
    for rows, churners, contacted, reached in zip(*evaluation.count_draws, strict=True):
        profit, of_all = reached * 80 - contacted * 40, churners * 80 - rows * 40
        gains.append((profit - max(of_all, 0)) / rows)
    found = gate_candidate(evaluation, None, objective=COST)
    assert found.checks[0].figure == pytest.approx(np.quantile(gains, 0.99))


def test_the_contacted_must_churn_more_often_than_all(honest):
    target, probability = honest
    noise = np.random.default_rng(3).permutation(probability)
    found = verdict(target, noise, 0.75, objective=TOP)
    assert "precision_gain_lower_bound" in failed(found)
    assert found.checks[0].reason == "the churn rate of the contacted is not shown to be above that of all"


EVEN = Difference(0.6, 0.6, -0.01, 0.01)
ALLOWED = "worse than the champion's, by less than the margin allows"
UNSURE = "worse than the champion's, but not shown to be so by more than the margin allows"
REFUSED = "worse than the champion's, by more than the margin allows"


def segment(*figures):
    return Segment("region", "AS", 240, *figures)


@pytest.mark.parametrize(
    ("loss", "auc", "segments", "said"),
    [
        (EVEN, EVEN, (), ["log loss is not shown to be worse than", "ROC AUC is not shown to be worse than"]),
        (Difference(0.6, 0.59, -0.02, -0.001), EVEN, (), ["log loss is better than the champion's"]),
        (Difference(0.6, 0.601, MARGIN / 4, 0.002), EVEN, (), [f"log loss is {ALLOWED}"]),
        (Difference(0.6, 0.61, MARGIN / 4, 0.02), EVEN, (), [f"log loss is {UNSURE}"]),
        (Difference(0.6, 0.61, MARGIN * 2, 0.02), EVEN, (), [f"log loss is {REFUSED}"]),
        (EVEN, Difference(0.7, 0.72, 0.01, 0.03), (), ["ROC AUC is better than the champion's"]),
        (EVEN, Difference(0.7, 0.697, -0.005, -0.001), (), [f"ROC AUC is {ALLOWED}"]),
        (EVEN, Difference(0.7, 0.69, -0.03, -0.001), (), [f"ROC AUC is {UNSURE}"]),
        (EVEN, Difference(0.7, 0.65, -0.08, -0.02), (), [f"ROC AUC is {REFUSED}"]),
        (
            EVEN,
            EVEN,
            (segment(0.0, -0.1, 0.1),),
            ["log loss is not shown to be worse than the champion's in any segment"],
        ),
        (EVEN, EVEN, (segment(-0.1, -0.2, -0.01),), ["log loss is better than the champion's in each segment"]),
        (EVEN, EVEN, (segment(0.001, 0.0005, 0.002),), [f"log loss of the segment region AS is {ALLOWED}"]),
        (EVEN, EVEN, (segment(0.1, 0.05, 0.2),), [f"log loss of the segment region AS is {REFUSED}"]),
    ],
)
def test_a_reason_says_what_was_found_beside_the_champion(honest, loss, auc, segments, said):
    target, probability = honest
    evaluation = evaluate(Predictions("a test", pd.DataFrame(), target, probability, (probability > 0.4) * 1), 42)
    compared = ChampionComparison("m:v1", rows=1200, log_loss=loss, roc_auc=auc, segments=segments)
    checks = gate_candidate(evaluation, None, compared).checks
    reasons = [check.reason for check in checks]
    for text in said:
        assert [reason for reason in reasons if reason.startswith(text)], reasons
    for check in checks:
        assert check.passed == (REFUSED not in check.reason), check
