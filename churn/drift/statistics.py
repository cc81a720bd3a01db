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
from scipy.special import chdtrc, kolmogorov, stdtr

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
    """Upper ends of all but the last of at most `bins` bins that hold about equally many training rows each."""
    up_to = np.cumsum(training.counts) / max(training.present, 1)
    wanted = np.arange(1, bins) / bins
    # A share such as 0.3 may be stored as a hair less.
    at = np.minimum(np.searchsorted(up_to, wanted - 1e-12), len(up_to) - 1)
    cuts: Floats = np.unique(training.values[at])
    return cuts[cuts < training.values[-1]] if len(cuts) else cuts


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


def fold_rare(training: npt.ArrayLike, live: npt.ArrayLike) -> tuple[Floats, Floats]:
    """The two rows of counts with the columns too rare for a chi-squared test added up in one last column."""
    table = np.array([training, live], dtype=np.float64)
    rows = table.sum(axis=1)
    rare = table.sum(axis=0) * rows.min() / max(rows.sum(), 1.0) < SMALLEST_EXPECTED
    first, second = np.column_stack((table[:, ~rare], table[:, rare].sum(axis=1)))
    return first, second


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


def unseen_p_value(unseen: int, live_rows: int, training_rows: int) -> float:
    """Chance that `unseen` rows of rare categories all fall among the live rows and none among the training rows.

    Fisher's exact test, one-sided (hypergeometric): product over i < unseen of (n - i) / (n + m - i).
    """
    return math.exp(_log_all_live(unseen, live_rows, training_rows))


def out_of_range_p_value(outside: int, live_rows: int, training_rows: int) -> float:
    """Chance that at least `outside` live rows lie outside the range of the training rows.

    For two samples of one continuous distribution the number outside is beta-binomial (n, 2, m - 1), Wilks
    (1941), whose upper tail at k is U(k) (n - k + (k + 1) m) / (n + m - k) with U(k) = `unseen_p_value`.
    Conservative for values that repeat.
    """
    if outside <= 0 or training_rows < 2:
        return 1.0
    total = live_rows + training_rows
    factor = (live_rows - outside + (outside + 1) * training_rows) / (total - outside)
    return min(1.0, factor * unseen_p_value(outside, live_rows, training_rows))


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


def _log_all_live(rows: int, live_rows: int, training_rows: int) -> float:
    ranks = np.arange(rows, dtype=np.float64)
    return float(np.sum(np.log((live_rows - ranks) / (live_rows + training_rows - ranks))))
