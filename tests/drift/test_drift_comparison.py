"""The rule: what it finds, what it leaves alone, and how seldom it is wrong."""

import numpy as np
import pytest
from drift_samples import REGIONS, customers, make_reference, summarise

from churn.drift.comparison import compare
from churn.drift.distribution import Categories, Numbers
from churn.drift.reference import Reference
from churn.settings import DriftSettings


def changes(rng, rows):
    """The named drifts: feature, and its values."""
    regions = rng.choice(REGIONS, rows, p=[0.25, 0.30, 0.25, 0.20])
    return {
        "mean": ("avg_session_minutes", np.clip(rng.normal(35 + 0.35 * 12, 12, rows), 1, 120)),
        "spread": ("avg_session_minutes", np.clip(rng.normal(34.1, 24, rows), 1, 120)),
        "premium": ("plan_type", np.where(rng.random(rows) < 0.45, "premium", "basic")),
        "region": ("region", np.where(rng.random(rows) < 0.1, "SA", regions)),
        "complaints": ("num_complaints", rng.poisson(1.8, rows).astype(float)),
        "years": ("tenure_months", np.floor(rng.integers(1, 60, rows) / 12)),
    }


KINDS = tuple(changes(np.random.default_rng(0), 1))


def judge(reference, rng, rows, **changed):
    columns, probability = customers(rng, rows, **changed)
    return compare(reference, summarise(columns), Numbers.of(probability), DriftSettings())


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "windows"), [(200, 400), (500, 400), (20_000, 60)])
def test_without_drift_at_most_15_of_1000_windows_alarm(rows, windows):
    rng = np.random.default_rng(rows)
    alarms = sum(judge(make_reference(seed), rng, rows).drift for seed in range(4) for _ in range(windows // 4))
    assert alarms <= windows * 15 / 1000


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_each_named_drift_is_found_in_the_right_feature_and_in_no_other(kind):
    rng = np.random.default_rng(7)
    found = quiet = 0
    for window in range(60):
        feature, values = changes(rng, 500)[kind]
        drifted = {f.name for f in judge(make_reference(window % 3), rng, 500, **{feature: values}).drifted}
        found += feature in drifted
        quiet += not drifted - {feature}
    assert found >= 57
    assert quiet >= 57


@pytest.mark.parametrize("kind", KINDS)
def test_each_named_drift_is_found_once(kind):
    rng = np.random.default_rng(11)
    feature, values = changes(rng, 500)[kind]
    assert [f.name for f in judge(make_reference(), rng, 500, **{feature: values}).drifted] == [feature]


def test_the_same_distribution_is_no_drift():
    rng = np.random.default_rng(3)
    assert not judge(make_reference(), rng, 500).drift


def test_a_change_that_is_certain_but_too_small_to_matter_is_no_drift():
    rng = np.random.default_rng(5)
    sessions = np.clip(rng.normal(35 + 0.1 * 12, 12, 100_000), 1, 120)
    verdict = judge(make_reference(rows=50_000), rng, 100_000, avg_session_minutes=sessions)
    session = next(f for f in verdict.features if f.name == "avg_session_minutes")
    assert session.p_adjusted < 1e-6
    assert not session.drift


def test_a_change_that_is_large_but_may_be_chance_is_no_drift():
    reference = Reference(1200, {"x": Numbers.of(np.arange(1200.0))}, Numbers.of([0.1, 0.9] * 600))
    live = {"x": Numbers.of([900.0, 1000.0, 700.0, 1100.0])}
    verdict = compare(reference, live, Numbers.of([0.1, 0.9]), DriftSettings())
    assert verdict.features[0].score > 1
    assert not verdict.drift


def one_feature(training, live):
    reference = Reference(1200, {"x": training}, Numbers.of([0.1, 0.9] * 600))
    return compare(reference, {"x": live}, Numbers.of([0.1, 0.9] * 250), DriftSettings()).features[0]


def test_a_default_value_outside_the_training_range_is_found():
    rng = np.random.default_rng(9)
    live = rng.normal(35, 12, 500)
    live[:15] = 499.0
    feature = one_feature(Numbers.of(rng.normal(35, 12, 1200)), Numbers.of(live))
    assert "range" in feature.failed
    assert feature.figures["out_of_range"] == pytest.approx(15 / 500, abs=0.003)


def test_more_missing_values_than_in_training_are_drift_and_fewer_are_not():
    rng = np.random.default_rng(13)
    some, none = rng.normal(size=1200), rng.normal(size=500)
    some[:48] = np.nan
    many = none.copy()
    many[:50] = np.nan
    assert not one_feature(Numbers.of(some), Numbers.of(none)).drift
    assert one_feature(Numbers.of(some), Numbers.of(many)).failed == ("missing",)


def test_probabilities_that_change_while_no_feature_does_are_drift():
    reference, rng = make_reference(), np.random.default_rng(17)
    columns, probability = customers(rng, 500)
    verdict = compare(reference, summarise(columns), Numbers.of(np.sqrt(probability)), DriftSettings())
    assert verdict.prediction.drift
    assert verdict.drift
    assert not verdict.drifted


def test_a_constant_feature_is_judged_in_its_own_unit():
    same = Numbers.of([3.0] * 1200)
    assert not one_feature(same, Numbers.of([3.0] * 500)).drift
    assert one_feature(same, Numbers.of([4.0] * 500)).drift


def test_where_training_had_too_many_categories_to_list_none_is_called_unseen():
    training = Categories(1200, 0, {"a": 700, "b": 400}, others=100)
    feature = one_feature(training, Categories.of({"a": 290, "b": 165, "z": 45}))
    assert feature.figures["unseen"] == 0
    assert not feature.drift


def test_every_check_that_is_large_and_significant_is_named_however_sure_another_one_is():
    training = Categories.of({"a": 700, "b": 500})
    assert one_feature(training, Categories.of({"z": 500})).failed == ("categories", "unseen")


def test_every_threshold_can_be_moved():
    rng = np.random.default_rng(19)
    sessions = np.clip(rng.normal(35 + 0.35 * 12, 12, 500), 1, 120)
    columns, probability = customers(rng, 500, avg_session_minutes=sessions)
    live, prediction = summarise(columns), Numbers.of(probability)
    assert compare(make_reference(), live, prediction, DriftSettings()).drift
    assert not compare(make_reference(), live, prediction, DriftSettings(distance=0.9, psi=0.9)).drift
    assert not compare(make_reference(), live, prediction, DriftSettings(alpha=1e-30)).drift
