"""Each statistic against SciPy's, or against a loop that anyone can check by eye, to 1e-9."""

import math

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from churn.drift import statistics as ours
from churn.drift.distribution import Numbers

EXACT = {"rel": 1e-9, "abs": 1e-9}
few_values = st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=60)
# Below 1e-9, squares of squares are too small for SciPy's own formulas.
any_number = st.floats(-1e6, 1e6).map(lambda value: value if abs(value) > 1e-9 else 0.0)
any_values = st.lists(any_number, min_size=2, max_size=60)
samples = st.one_of(few_values, any_values)
counts = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=12).filter(
    lambda pairs: sum(a for a, _ in pairs) > 0 and sum(b for _, b in pairs) > 0
)


def normal(seed, rows, mean=0.0, std=1.0):
    return np.random.default_rng(seed).normal(mean, std, rows)


@given(samples, samples)
def test_kolmogorov_smirnov_statistic_is_scipys(first, second):
    got = ours.kolmogorov_smirnov_statistic(Numbers.of(first), Numbers.of(second))
    assert got == pytest.approx(scipy.stats.ks_2samp(first, second, method="asymp").statistic, **EXACT)


@given(st.floats(0, 1), st.integers(2, 10**6), st.integers(2, 10**6))
def test_kolmogorov_smirnov_p_value_is_scipys_asymptotic_one(statistic, m, n):
    expected = scipy.stats.kstwobign.sf(statistic * math.sqrt(m * n / (m + n)))
    assert ours.kolmogorov_smirnov_p_value(statistic, m, n) == pytest.approx(expected, **EXACT)


def test_kolmogorov_smirnov_p_value_is_near_the_exact_one_and_not_below():
    first, second = normal(1, 300), normal(2, 120, mean=0.25)
    exact = scipy.stats.ks_2samp(first, second, method="exact")
    got = ours.kolmogorov_smirnov_p_value(exact.statistic, 300, 120)
    assert exact.pvalue <= got <= exact.pvalue * 1.3


@given(samples, samples)
def test_wasserstein_distance_is_scipys(first, second):
    got = ours.wasserstein_distance(Numbers.of(first), Numbers.of(second))
    assert got == pytest.approx(scipy.stats.wasserstein_distance(first, second), **EXACT)


@given(any_values, any_values)
def test_welch_p_value_is_scipys(first, second):
    one, other = Numbers.of(first), Numbers.of(second)
    if one.std == 0 and other.std == 0:
        assert ours.welch_p_value(one, other) == (1.0 if one.mean == other.mean else 0.0)
        return
    expected = scipy.stats.ttest_ind_from_stats(
        one.mean, one.std, len(first), other.mean, other.std, len(second), equal_var=False
    ).pvalue
    assert ours.welch_p_value(one, other) == pytest.approx(expected, **EXACT)


@given(counts)
def test_jensen_shannon_distance_is_scipys(pairs):
    first, second = zip(*pairs, strict=True)
    expected = scipy.spatial.distance.jensenshannon(first, second, base=2)
    # Near 0 the root magnifies what floating point leaves: compare the squares.
    assert ours.jensen_shannon_distance(first, second) ** 2 == pytest.approx(expected**2, **EXACT)


@given(counts)
def test_chi_squared_p_value_is_scipys(pairs):
    kept = [(a, b) for a, b in pairs if a + b > 0]
    first, second = zip(*pairs, strict=True)
    if len(kept) < 2:
        assert ours.chi_squared_p_value(first, second) == 1.0
        return
    expected = scipy.stats.chi2_contingency(np.array(kept).T, correction=False).pvalue
    assert ours.chi_squared_p_value(first, second) == pytest.approx(expected, **EXACT)


@given(st.integers(0, 2000), st.integers(1, 3000), st.integers(0, 2000), st.integers(1, 3000))
def test_larger_rate_p_value_is_the_binomial_tail(before, rows_before, now, rows_now):
    share = rows_now / (rows_now + rows_before)
    expected = scipy.stats.binom.sf(now - 1, before + now, share)
    assert ours.larger_rate_p_value(before, rows_before, now, rows_now) == pytest.approx(expected, **EXACT)


def test_what_is_beyond_chance_is_nothing_on_average_where_nothing_changed():
    rng, shares = np.random.default_rng(8), np.full(40, 1 / 40)
    pairs = zip(rng.multinomial(1200, shares, 300), rng.multinomial(500, shares, 300), strict=True)
    squares = [ours.jensen_shannon_distance(*pair) ** 2 for pair in pairs]
    # The distance whose square is their mean: nothing is left of it, and of one twice as large nearly all.
    mean = math.sqrt(np.mean(squares))
    assert ours.beyond_chance(mean, 40, 1200, 500) < 0.25 * mean
    assert ours.beyond_chance(2 * mean, 40, 1200, 500) > 0.8 * 2 * mean


@given(st.integers(1, 3000), st.integers(2, 3000), st.floats(0, 1))
def test_out_of_range_p_value_is_the_beta_binomial_tail(live_rows, training_rows, share):
    outside = int(share * live_rows)
    expected = scipy.stats.betabinom.sf(outside - 1, live_rows, 2, training_rows - 1)
    assert ours.out_of_range_p_value(outside, live_rows, training_rows) == pytest.approx(expected, **EXACT)


def test_out_of_range_p_value_is_what_chance_gives():
    rng = np.random.default_rng(5)
    training, live = rng.random((20_000, 30)), rng.random((20_000, 40))
    outside = (live < training.min(axis=1)[:, None]) | (live > training.max(axis=1)[:, None])
    share = np.mean(outside.sum(axis=1) >= 6)
    assert ours.out_of_range_p_value(6, 40, 30) == pytest.approx(share, abs=0.01)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_benjamini_hochberg_is_scipys(p_values):
    assert ours.benjamini_hochberg(p_values) == pytest.approx(scipy.stats.false_discovery_control(p_values), **EXACT)


@given(counts)
def test_population_stability_index_is_the_loop(pairs):
    rows = [sum(column) for column in zip(*pairs, strict=True)]
    total = 0.0
    for training, live in pairs:
        p = max(training / rows[0], 1e-4)
        q = max(live / rows[1], 1e-4)
        total += (q - p) * math.log(q / p)
    assert ours.population_stability_index(*zip(*pairs, strict=True)) == pytest.approx(total, **EXACT)


def test_z_score_is_in_training_standard_deviations():
    training = Numbers.of([1.0, 2.0, 3.0, 4.0])
    assert ours.z_score(5.0, training) == pytest.approx((5.0 - np.mean([1, 2, 3, 4])) / np.std([1, 2, 3, 4], ddof=1))
    assert ours.z_score(5.0, Numbers.of([2.0, 2.0])) == 3.0, "a constant feature is measured in its own unit"


@given(samples, st.lists(st.floats(-10, 10), min_size=1, max_size=8, unique=True))
def test_bin_counts_are_the_loop(values, cuts):
    cuts = sorted(cuts)
    expected = [0] * (len(cuts) + 1)
    for value in values:
        expected[sum(value > cut for cut in cuts)] += 1
    assert ours.bin_counts(Numbers.of(values), np.array(cuts)).tolist() == expected


def test_quantile_cuts_split_continuous_values_evenly_and_never_leave_an_empty_bin():
    even = Numbers.of(np.arange(1000.0))
    assert ours.bin_counts(even, ours.quantile_cuts(even)).tolist() == [100] * 10
    assert len(ours.quantile_cuts(Numbers.of([3.0, 3.0]))) == 0


@given(few_values)
def test_no_training_bin_is_empty(values):
    numbers = Numbers.of(values)
    assert ours.bin_counts(numbers, ours.quantile_cuts(numbers)).min() > 0


def test_tiny_spreads_divide_by_no_zero():
    tiny = Numbers.of([0.0, 9.1e-133])
    assert 0 < ours.welch_p_value(Numbers.of([0.0, 0.0]), tiny) <= 1


def test_larger_share_asks_only_whether_it_grew():
    assert ours.larger_share_p_value((60, 1200), (0, 500)) == 1.0
    both_sides = scipy.stats.chi2_contingency([[12, 1188], [20, 480]], correction=False).pvalue
    assert ours.larger_share_p_value((12, 1200), (20, 500)) == pytest.approx(both_sides / 2, **EXACT)


def test_nothing_to_compare_is_no_difference():
    some, none = Numbers.of([1.0, 2.0]), Numbers.of([math.nan])
    assert ours.kolmogorov_smirnov_statistic(some, none) == 0.0
    assert ours.wasserstein_distance(some, none) == 0.0
    assert ours.welch_p_value(some, none) == 1.0
    assert ours.kolmogorov_smirnov_p_value(0.0, 2, 0) == 1.0


def test_a_shortened_training_sample_gives_nearly_the_same_and_never_a_larger_statistic():
    training, live = normal(3, 200_000), normal(4, 5_000, mean=0.1)
    whole = Numbers.of(training)
    stored = Numbers.from_json(whole.as_json())
    assert not stored.exact
    exact = ours.kolmogorov_smirnov_statistic(whole, Numbers.of(live))
    short = ours.kolmogorov_smirnov_statistic(stored, Numbers.of(live))
    assert exact - 1 / 1500 <= short <= exact
    distance = ours.wasserstein_distance(whole, Numbers.of(live))
    assert ours.wasserstein_distance(stored, Numbers.of(live)) == pytest.approx(distance, abs=0.002)
