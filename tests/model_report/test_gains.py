"""Profit at each threshold against a loop over rows, and its band against the normal distribution."""

import numpy as np
import pytest
from evaluated_rows import WILD, predicted, sample
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.decision import Campaign
from churn.evaluation import Cells
from churn.model_report.gains import MOST_POINTS, gains
from churn.model_report.ranking import Ranking

CAMPAIGN = Campaign(contact_cost=7.0, customer_value=120.0, success_rate=0.3)


def profit_of(predictions, served=0.5, seed=1):
    ranking = Ranking.of(predictions.target, predictions.probability)
    return gains(predictions, ranking, served, seed).profit(CAMPAIGN)


@given(WILD, st.sampled_from([0.0, 0.25, 0.37, 1.0]))
@settings(max_examples=20, deadline=None)
def test_each_point_is_a_loop_over_rows(rows, served):
    target, probability = rows
    found = profit_of(predicted(target, probability), served)
    assert len({len(column) for column in found.values()}) == 1
    assert len(found["profit"]) <= MOST_POINTS
    assert (found["threshold"][0], found["contacted"][0], found["profit"][0]) == (None, 0, 0)
    assert found["contacted"][-1] == 1
    assert served in found["threshold"] or not (probability >= served).any()
    for place, threshold in enumerate(found["threshold"][1:], start=1):
        total = contacted = 0.0
        for churned, share in zip(target, probability, strict=True):
            if share >= threshold:
                contacted += 1
                total += churned * 0.3 * 120.0 - 7.0
        assert found["contacted"][place] == pytest.approx(contacted / len(target), abs=1e-9)
        assert found["profit"][place] == pytest.approx(total / len(target), abs=1e-9)


def test_the_points_are_about_equally_many_rows_apart_and_descend():
    found = profit_of(predicted(*sample(5_000, 2)))
    assert len(found["contacted"]) == MOST_POINTS
    assert max(np.diff(found["contacted"])) < 1.1 / 98
    assert min(np.diff(found["contacted"])) > 0
    assert min(-np.diff(found["threshold"][1:])) > 0


@pytest.mark.parametrize("copies", [1, 15])
def test_the_band_is_that_of_a_mean_of_as_many_customers(copies):
    target, probability = sample(900, 3)
    index = np.tile(np.arange(900), copies)
    found = profit_of(predicted(target[index], probability[index], index))
    for place in range(10, len(found["profit"])):
        each = (probability >= found["threshold"][place]) * (target * 36.0 - 7.0)
        half = 1.96 * each.std() / 900**0.5
        assert found["low"][place] == pytest.approx(each.mean() - half, abs=0.2 * half)
        assert found["high"][place] == pytest.approx(each.mean() + half, abs=0.2 * half)


def test_the_seed_decides_the_band():
    predictions = predicted(*sample(300, 5))
    assert profit_of(predictions, seed=1) == profit_of(predictions, seed=1)
    assert profit_of(predictions, seed=1)["low"] != profit_of(predictions, seed=2)["low"]


def test_blocks_of_draws_give_the_band_of_all_at_once(monkeypatch):
    predictions = predicted(*sample(300, 5))
    usual, sizes, resample = profit_of(predictions), [], Cells.resample
    monkeypatch.setattr("churn.evaluation._MOST_WEIGHTS", 20_000)
    monkeypatch.setattr(
        Cells, "resample", lambda self, rng, draws: sizes.append(draws * len(self.count)) or resample(self, rng, draws)
    )
    found = profit_of(predictions)
    for name in ("profit", "low", "high"):
        assert found[name] == pytest.approx(usual[name], abs=1e-9)
    assert len(sizes) > 1
    assert max(sizes) <= 20_000
