"""Thresholds of each objective against loops and optimisers that anyone can check."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits

from churn.data.dataset import Dataset, simulate
from churn.decision import Campaign, Objective
from churn.schema.reading import bundled_schema
from churn.training.encoding import Inputs, fit_encoder
from churn.training.estimators import ESTIMATORS
from churn.training.pipeline import train_model
from churn.training.sample import Sample
from churn.training.selection import predict_out_of_fold
from churn.training.threshold import choose_threshold, f1_threshold, profit_threshold, share_threshold

ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20)), min_size=1, max_size=60)


def columns(rows):
    return np.array([truth for truth, _ in rows], np.int8), np.array([(level + 1) / 22 for _, level in rows])


@given(ROWS)
@settings(max_examples=100, deadline=None)
def test_the_threshold_has_the_best_f1_of_all(rows):
    target, probability = columns(rows)
    if not target.any():
        return

    def f1(threshold):
        return f1_score(target, probability >= threshold, zero_division=0)

    assert f1(f1_threshold(target, probability)) == pytest.approx(max(f1(level) for level in set(probability)))


@given(ROWS, st.floats(0.01, 0.99))
@settings(max_examples=100, deadline=None)
def test_no_other_threshold_contacts_a_share_nearer_to_the_one_asked_for(rows, share):
    _, probability = columns(rows)

    def distance(threshold):
        return abs(np.mean(probability >= threshold) - share)

    chosen = share_threshold(share, probability)
    assert chosen not in probability
    assert distance(chosen) == pytest.approx(min(distance(level) for level in probability))


def churned(probability, seed):
    return (np.random.default_rng(seed).random(len(probability)) < probability).astype(np.int8)


@pytest.mark.parametrize(("shift", "scale"), [(0, 1), (0, 0.5), (0, 2), (0.7, 1)])
def test_a_campaign_is_served_where_the_churn_rate_not_the_probability_crosses_break_even(shift, scale):
    truth = np.random.default_rng(1).beta(2, 3, 20_000)
    target, told = churned(truth, 2), expit(shift + scale * logit(truth))
    campaign = Campaign(contact_cost=6, customer_value=100, success_rate=0.2)
    chosen = profit_threshold(campaign, target, told)
    contacted = truth[told >= chosen]
    assert contacted.min() == pytest.approx(0.3, abs=0.02)


def test_the_recalibration_is_that_of_the_least_log_loss():
    truth = np.random.default_rng(3).beta(2, 3, 300)
    target, told = churned(truth, 4), expit(0.4 + 1.7 * logit(truth))

    def loss(line):
        rate = expit(line[0] + line[1] * logit(told))
        return -np.sum(np.log(np.where(target == 1, rate, 1 - rate)))

    intercept, slope = minimize(loss, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}).x
    chosen = profit_threshold(Campaign(1, 5, 0.5), target, told)
    assert intercept + slope * logit(chosen) == pytest.approx(logit(0.4), abs=1e-4)


def test_a_free_contact_is_made_with_everybody_and_chance_is_answered_by_break_even():
    probability = np.random.default_rng(5).random(200)
    assert profit_threshold(Campaign(0, 5, 0.5), churned(probability, 6), probability) == 0
    assert profit_threshold(Campaign(1, 5, 0.5), churned(1 - probability, 6), probability) == pytest.approx(0.4)
    certain = (probability > 0.3).astype(np.int8)  # separated: the slope has no bound
    assert 0.25 < profit_threshold(Campaign(1, 5, 0.5), certain, probability) < 0.35


def test_each_objective_has_its_threshold():
    probability = np.random.default_rng(7).random(200)
    target, campaign = churned(probability, 8), Campaign(1, 5, 0.5)
    assert choose_threshold(Objective(), target, probability) == f1_threshold(target, probability)
    assert choose_threshold(Objective("top", share=0.2), target, probability) == share_threshold(0.2, probability)
    cost = choose_threshold(Objective("cost", campaign), target, probability)
    assert cost == profit_threshold(campaign, target, probability)


@pytest.mark.slow
def test_a_training_for_a_share_contacts_that_share_out_of_fold():
    frame, target, _ = simulate(600, 3)
    data = Dataset(Path("a.csv"), "", frame, target, bundled_schema())
    model = train_model(data, estimator="logistic", seed=1, objective=Objective("top", share=0.1))
    assert model.predictions.decision.mean() == pytest.approx(0.1, abs=0.03)
    assert model.objective.share == 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("estimator", "rows"), [("logistic", 1200), ("hist-gradient-boosting", 2500)])
def test_in_19_of_20_simulations_the_expected_profit_is_within_2_percent_of_the_best_thresholds(estimator, rows):
    """benchmarks/threshold_profit.py has the whole table."""
    fresh, _, truth = simulate(100_000, 10**6)
    kind, lost = ESTIMATORS[estimator], {0.1: [], 0.3: [], 0.5: []}
    for seed in range(100, 120):
        frame, target, _ = simulate(rows, seed)
        inputs = Inputs.of(frame, bundled_schema())
        with threadpool_limits(1):
            parameters, probability = predict_out_of_fold(Sample(frame, target, np.arange(rows)), inputs, kind, seed)
            encoder = fit_encoder(frame, inputs, scaled=kind.scaled)
            encoded = encoder.transform(frame)
            model = kind.make(parameters, seed, encoded.shape[1]).fit(encoded, target)
            scored = model.predict_proba(encoder.transform(fresh))[:, 1]
        cuts = np.quantile(scored, np.linspace(0, 1, 300))
        for break_even, losses in lost.items():
            gain = truth - break_even
            threshold = profit_threshold(Campaign(break_even * 40, 100, 0.4), target, probability)
            best = max(gain[scored >= cut].sum() for cut in cuts)
            losses.append(1 - gain[scored >= threshold].sum() / best)
    for break_even, losses in lost.items():
        assert sum(loss <= 0.02 for loss in losses) >= 19, (break_even, sorted(losses)[-3:])
