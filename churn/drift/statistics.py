"""Two-sample statistics and tests of a live against a training sample, as pure functions.

A `*_distance` or `*_statistic` is 0 for equal samples and grows with the difference; a `*_p_value` is the
chance of a difference at least as large between two samples of one distribution. Both samples are
samples: the training rows have sampling error too, so every test here is a two-sample test.

Equal to SciPy's where SciPy has them (tests/drift/test_drift_statistics.py says which); written here because
the training sample is stored as counts, and because importing `scipy.stats` takes longer than all of it.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, chdtrc, kolmogorov, stdtr

from churn.drift.distribution import Floats, Numbers

EMPTY_SHARE = 1e-4
"""What the population stability index takes for the share of an empty bin, whose logarithm is undefined."""
SMALLEST_EXPECTED = 5.0
"""Cochran's rule: a chi-squared test needs expected counts of about 5."""


def z_score(mean: float, training: Numbers) -> float:
    """Distance of a mean from the training mean, in training standard deviations (not standard errors)."""
    return (mean - training.mean) / training.unit


def welch_p_value(training: Numbers, live: Numbers) -> float:
    """Two-sided p-value of Welch's t-test that the two means are equal, whatever the two variances.

    Welch (1947), Biometrika 34: t = (m1 - m2) / sqrt(v1 + v2) with v = s^2 / n, on
    (v1 + v2)^2 / (v1^2 / (n1 - 1) + v2^2 / (n2 - 1)) degrees of freedom.
    """
    if min(training.present, live.present) < 2:
        return 1.0
    first, second = training.std**2 / training.present, live.std**2 / live.present
    if first + second == 0:
        return 1.0 if training.mean == live.mean else 0.0
    share = first / (first + second)  # the formula divided by (v1 + v2)^2, which could be too small for a float
    freedom = 1 / (share**2 / (training.present - 1) + (1 - share) ** 2 / (live.present - 1))
    return 2 * float(stdtr(freedom, -abs(training.mean - live.mean) / math.sqrt(first + second)))


def kolmogorov_smirnov_statistic(training: Numbers, live: Numbers) -> float:
    """Largest distance between the two distribution functions, in [0, 1].

    D = sup |F(x) - G(x)| (Smirnov 1939). F is flat between two stored values, so G need be looked at only at
    them and just before them. Where F is stored as quantiles, only its exact points are looked at: D is then
    never too large, and at most 1/1,500 too small.
    """
    if not training.present or not live.present:
        return 0.0
    up_to = np.cumsum(training.counts) / training.present
    below = np.concatenate(([0.0], up_to[:-1]))
    live_up_to = _share_up_to(live, training.values, "right")
    distance = float(np.max(np.abs(up_to - live_up_to)))
    if training.exact:
        live_below = _share_up_to(live, training.values, "left")
        distance = max(distance, float(np.max(np.abs(below - live_below))))
    return distance


def kolmogorov_smirnov_p_value(statistic: float, training_rows: int, live_rows: int) -> float:
    """Asymptotic two-sided p-value: Q(D sqrt(m n / (m + n))), Q(x) = 2 sum (-1)^(k-1) exp(-2 k^2 x^2).

    Kolmogorov (1933), Smirnov (1948). Conservative for small samples and for values that repeat.
    """
    if not training_rows or not live_rows:
        return 1.0
    return float(kolmogorov(statistic * math.sqrt(training_rows * live_rows / (training_rows + live_rows))))


def wasserstein_distance(training: Numbers, live: Numbers) -> float:
    """How far, on average, probability mass must move to turn one sample into the other, in units of the value.

    The first Wasserstein distance: integral of |F(x) - G(x)| dx (Vallender 1974). Never less than the
    difference of the means. Divide by `Numbers.unit` for training standard deviations.
    """
    if not training.present or not live.present:
        return 0.0
    values = np.unique(np.concatenate((training.values, live.values)))
    gap = _share_up_to(training, values[:-1], "right") - _share_up_to(live, values[:-1], "right")
    return float(np.sum(np.abs(gap) * np.diff(values)))


def quantile_cuts(training: Numbers, bins: int = 10) -> Floats:
    """Upper ends of all but the last of at most `bins` bins of about equally many training rows; at least one."""
    up_to = np.cumsum(training.counts) / training.present
    wanted = np.arange(1, bins) / bins
    # A share such as 0.3 may be stored as a hair less.
    at = np.minimum(np.searchsorted(up_to, wanted - 1e-12), len(up_to) - 1)
    cuts = np.unique(training.values[at])
    inner: Floats = cuts[cuts < training.values[-1]]
    return inner


def bin_counts(numbers: Numbers, cuts: Floats) -> Floats:
    """Rows up to the first cut, above it and up to the second, ..., above the last: [len(cuts) + 1]."""
    bins = np.searchsorted(cuts, numbers.values)
    return np.bincount(bins, weights=numbers.counts, minlength=len(cuts) + 1).astype(np.float64)


def population_stability_index(training: npt.ArrayLike, live: npt.ArrayLike) -> float:
    """Sum over bins of (q - p) ln(q / p), p and q being the shares of training and live rows.

    The symmetrised Kullback-Leibler divergence (Jeffreys 1946), in credit scoring since Siddiqi (2006); a
    share of 0 counts as `EMPTY_SHARE`. Between samples of one distribution it is about
    (bins - 1)(1/m + 1/n), not 0.

    Args:
        training: [bins] rows in each bin.
        live: [bins] rows in each bin.

    """
    p, q = (np.maximum(_shares(counts), EMPTY_SHARE) for counts in (training, live))
    return float(np.sum((q - p) * np.log(q / p)))


def jensen_shannon_distance(training: npt.ArrayLike, live: npt.ArrayLike) -> float:
    """Square root of the Jensen-Shannon divergence in bits, in [0, 1]; a metric.

    JSD = H((p + q) / 2) - (H(p) + H(q)) / 2 (Lin 1991; Endres and Schindelin 2003 for the root).

    Args:
        training: [categories] rows of each.
        live: [categories] rows of each, in the same order.

    """
    p, q = _shares(training), _shares(live)
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return math.sqrt(min(max(divergence / math.log(2), 0.0), 1.0))


def chi_squared_p_value(training: npt.ArrayLike, live: npt.ArrayLike) -> float:
    """P-value of Pearson's chi-squared test of homogeneity of two rows of counts (Pearson 1900).

    chi2 = sum (observed - expected)^2 / expected, expected = row total x column total / total, with one
    degree of freedom less than there are non-empty columns.
    """
    table = np.array([training, live], dtype=np.float64)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return 1.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(chdtrc(table.shape[1] - 1, np.sum((table - expected) ** 2 / expected)))


def beyond_chance(distance: float, columns: int, training_rows: float, live_rows: float) -> float:
    """What of a Jensen-Shannon distance is more than two samples of one distribution have between them on average.

    Near equal samples the divergence is sum (p - q)^2 / (8 ln 2 (p + q) / 2), whose mean by chance is
    (columns - 1) (1 / m + 1 / n) / (8 ln 2).
    """
    if not training_rows or not live_rows:
        return 0.0
    by_chance = (columns - 1) * (1 / training_rows + 1 / live_rows) / (8 * math.log(2))
    return math.sqrt(max(distance**2 - by_chance, 0.0))


def larger_share_p_value(training: tuple[int, int], live: tuple[int, int]) -> float:
    """One-sided p-value that a share has grown: half of the chi-squared p-value of the 2 x 2 table.

    Args:
        training: how many of how many training rows.
        live: how many of how many live rows.

    """
    (before, rows_before), (now, rows_now) = training, live
    if not rows_before or not rows_now or now / rows_now <= before / rows_before:
        return 1.0
    return chi_squared_p_value([before, rows_before - before], [now, rows_now - now]) / 2


def larger_rate_p_value(before: float, rows_before: float, now: float, rows_now: float) -> float:
    """One-sided p-value that a Poisson rate has grown: exact, given the sum of both counts.

    P(X >= now), X binomial (before + now, rows_now / (rows_before + rows_now)); Przyborowski and Wilenski (1940).
    """
    return float(betainc(now, before + 1, rows_now / (rows_now + rows_before))) if now > 0 else 1.0


def rare_p_value(training: tuple[int, int], extra: int, live: tuple[int, int]) -> float:
    """Chance of so many live rows in categories that training lacks, or has seldom, given what it lets expect.

    The training rows of what a row would be without itself (Good 1953) vary more than a Poisson's count: by their own
    number and by `extra` (Esty 1983). They are taken for the count of a sample that is smaller accordingly.

    Args:
        training: how many of how many training rows.
        extra: what their variance is more than their number.
        live: how many of how many live rows.

    """
    (before, rows_before), (now, rows_now) = training, live
    fewer = min(before, rows_before - before)
    if not rows_before or not rows_now or (before and not fewer):
        return 1.0
    smaller = 1 + extra / max(fewer, 1)
    if fewer == before:
        return larger_rate_p_value(before / smaller, rows_before / smaller, now, rows_now)
    # Most rows are in such categories: that the others have become fewer is the better question.
    return larger_rate_p_value(rows_now - now, rows_now, fewer / smaller, rows_before / smaller)


def out_of_range_p_value(outside: int, live_rows: int, training_rows: int) -> float:
    """Chance that at least `outside` live rows lie outside the range of the training rows.

    For two samples of one continuous distribution the number outside is beta-binomial (n, 2, m - 1), Wilks
    (1941), whose upper tail at k is U(k) (n - k + (k + 1) m) / (n + m - k) with U(k) the
    chance that k rows are all live ones: product over i < k of (n - i) / (n + m - i).
    Conservative for values that repeat.
    """
    if outside <= 0 or training_rows < 2:
        return 1.0
    total = live_rows + training_rows
    factor = (live_rows - outside + (outside + 1) * training_rows) / (total - outside)
    return min(1.0, factor * _all_live(outside, live_rows, training_rows))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted so that, of those at most alpha, a share of at most alpha are false discoveries.

    Benjamini and Hochberg (1995): the i-th smallest of m becomes min over j >= i of p_j m / j. Where nothing
    has changed at all, the chance of any discovery is at most alpha.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return [float(value) for value in adjusted]


def _share_up_to(sample: Numbers, points: Floats, side: str) -> Floats:
    """Share of the sample that is at most each point (`right`) or below it (`left`)."""
    up_to = np.concatenate(([0.0], np.cumsum(sample.counts) / sample.present))
    return up_to[np.searchsorted(sample.values, points, side="left" if side == "left" else "right")]


def _shares(counts: npt.ArrayLike) -> Floats:
    counts = np.asarray(counts, dtype=np.float64)
    return counts / max(float(counts.sum()), 1.0)


def _relative_entropy(p: Floats, q: Floats) -> float:
    some = p > 0
    return float(np.sum(p[some] * np.log(p[some] / q[some])))


def _all_live(rows: int, live_rows: int, training_rows: int) -> float:
    ranks = np.arange(rows, dtype=np.float64)
    return math.exp(np.sum(np.log((live_rows - ranks) / (live_rows + training_rows - ranks))))
