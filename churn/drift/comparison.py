"""Drift detection per feature: effects that are large enough to matter and too large to be chance.

A feature is asked several questions (`Check`). Each has an effect with a threshold, and a p-value. The
p-values of a feature's checks are combined by a weighted Bonferroni correction, those of the features and of
the predictions by Benjamini and Hochberg. A check fails when its effect reaches the threshold and its p-value
survives both corrections; a feature drifts when one of its checks fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from churn.drift import statistics
from churn.drift.distribution import Categories, Numbers, Summary
from churn.drift.levels import align, pool, rare_or_new
from churn.drift.reference import Reference
from churn.settings import DriftSettings

_MAIN, _RARE = 0.45, 0.05
"""Weights of the checks in a feature's correction: the error is spent where drift usually shows."""


@dataclass(frozen=True)
class Effect:
    """A difference and the threshold that makes it matter."""

    statistic: str
    value: float
    threshold: float


@dataclass(frozen=True)
class Check:
    """One comparison of a feature: its effects and its p-value.

    Attributes:
        name: `mean`, `shape`, `range`, `categories`, `unseen`, `grown` or `missing`.
        effects: measured differences; the check is large where one of them reaches its threshold.
        p_value: p-value of the check alone.
        weight: the check's part of the feature's error.

    """

    name: str
    effects: tuple[Effect, ...]
    p_value: float
    weight: float

    @property
    def score(self) -> float:
        """The largest effect as a multiple of its threshold: 1 is where it begins to matter."""
        return max(effect.value / effect.threshold for effect in self.effects)

    @property
    def feature_p_value(self) -> float:
        """The p-value corrected for the other checks of the feature."""
        return min(1.0, self.p_value / self.weight)


@dataclass(frozen=True)
class FeatureDrift:
    """Drift of a feature, or of the predicted probabilities.

    Attributes:
        name: name of the feature, or `prediction`.
        training: distribution in training.
        live: distribution in the window.
        checks: the comparisons made.
        figures: value of every statistic by name.
        p_adjusted: the feature's p-value after both corrections.
        failed: names of the checks that found drift.

    """

    name: str
    training: Summary
    live: Summary
    checks: tuple[Check, ...]
    figures: Mapping[str, float]
    p_adjusted: float = 1.0
    failed: tuple[str, ...] = ()

    @property
    def drift(self) -> bool:
        """Whether the feature has drifted."""
        return bool(self.failed)

    @property
    def score(self) -> float:
        """The largest effect as a multiple of its threshold."""
        return max(check.score for check in self.checks)

    @property
    def p_value(self) -> float:
        """The smallest p-value of the checks, corrected for their number."""
        return min(check.feature_p_value for check in self.checks)


@dataclass(frozen=True)
class Comparison:
    """Drift of every feature, in the order of the schema, and of the predictions."""

    features: tuple[FeatureDrift, ...]
    prediction: FeatureDrift

    @property
    def drifted(self) -> tuple[FeatureDrift, ...]:
        """The features that drifted, the largest first."""
        return tuple(sorted((f for f in self.features if f.drift), key=lambda f: -f.score))

    @property
    def drift(self) -> bool:
        """Whether anything drifted."""
        return bool(self.drifted) or self.prediction.drift


def compare(
    reference: Reference, live: Mapping[str, Summary], prediction: Numbers, thresholds: DriftSettings
) -> Comparison:
    """Compare a window with training.

    Args:
        reference: distributions of the model's training data.
        live: each feature's distribution in the window, of the kind it has in the reference.
        prediction: distribution of the probabilities in the window.
        thresholds: effects and error rate that count as drift.

    """
    pairs = [(name, summary, live[name]) for name, summary in reference.features.items()]
    measured = [_measure(*pair, thresholds) for pair in [*pairs, ("prediction", reference.prediction, prediction)]]
    adjusted = statistics.benjamini_hochberg([feature.p_value for feature in measured])
    # Of m features k are discoveries, so this is the line of Benjamini and Hochberg for each p-value.
    line = thresholds.alpha * sum(value <= thresholds.alpha for value in adjusted) / len(adjusted)
    *features, predicted = [
        replace(
            f, p_adjusted=value, failed=tuple(c.name for c in f.checks if c.score >= 1 and c.feature_p_value <= line)
        )
        for f, value in zip(measured, adjusted, strict=True)
    ]
    return Comparison(tuple(features), predicted)


def _measure(name: str, training: Summary, live: Summary, thresholds: DriftSettings) -> FeatureDrift:
    if isinstance(training, Numbers) and isinstance(live, Numbers):
        checks, figures = _measure_numbers(training, live, thresholds)
    elif isinstance(training, Categories) and isinstance(live, Categories):
        checks, figures = _measure_categories(training, live, thresholds)
    else:
        raise TypeError(f"{name} is of one kind in the reference and of another in the window")
    return FeatureDrift(name, training, live, checks, figures)


type _Measured = tuple[tuple[Check, ...], Mapping[str, float]]


def _measure_numbers(training: Numbers, live: Numbers, thresholds: DriftSettings) -> _Measured:
    z = statistics.z_score(live.mean, training) if training.present and live.present else 0.0
    ks = statistics.kolmogorov_smirnov_statistic(training, live)
    distance = statistics.wasserstein_distance(training, live) / training.unit
    psi = 0.0
    if training.present and live.present:
        cuts = statistics.quantile_cuts(training)
        psi = statistics.population_stability_index(
            statistics.bin_counts(training, cuts), statistics.bin_counts(live, cuts)
        )
    outside = 0
    if training.present:
        beyond = (live.values < training.values[0]) | (live.values > training.values[-1])
        outside = int(np.sum(live.counts[beyond]))
    shape = Effect("wasserstein", distance, thresholds.distance), Effect("psi", psi, thresholds.psi)
    p_shape = statistics.kolmogorov_smirnov_p_value(ks, training.present, live.present)
    p_range = statistics.out_of_range_p_value(outside, live.present, training.present)
    range_share = outside / max(live.present, 1)
    checks = (
        Check("mean", (Effect("z", abs(z), thresholds.distance),), statistics.welch_p_value(training, live), _MAIN),
        Check("shape", shape, p_shape, _MAIN),
        Check("range", (Effect("out_of_range", range_share, thresholds.share),), p_range, _RARE),
        _missing(training, live, thresholds),
    )
    return checks, {
        "training_mean": training.mean,
        "training_std": training.std,
        "live_mean": live.mean,
        "live_std": live.std,
        "z": z,
        "ks": ks,
        "wasserstein": distance,
        "psi": psi,
        "out_of_range": range_share,
        **_missing_figures(training, live),
    }


def _measure_categories(training: Categories, live: Categories, thresholds: DriftSettings) -> _Measured:
    pooled = pool(training, live)
    before, now = pooled.training, pooled.live
    distance = statistics.jensen_shannon_distance(before, now)
    distance = statistics.beyond_chance(distance, len(before), before.sum(), now.sum())
    rare, expected, p_rare = rare_or_new(training, live)
    _, share_before, share_now, p_grown = pooled.grown
    divergence = Effect("jensen_shannon", distance, thresholds.jensen_shannon)
    unseen = Effect("unseen", max(0.0, rare - expected), thresholds.share)
    grown = Effect("grown", share_now - share_before, thresholds.share)
    p_categories = statistics.chi_squared_p_value(before, now)
    checks = (
        Check("categories", (divergence,), p_categories, 2 * _MAIN - _RARE),
        Check("unseen", (unseen,), p_rare, _RARE),
        Check("grown", (grown,), p_grown, _RARE),
        _missing(training, live, thresholds),
    )
    return checks, {
        "jensen_shannon": distance,
        "psi": statistics.population_stability_index(before, now),
        "rare": rare,
        "rare_expected": expected,
        "unseen": align(training, live)[2] / max(live.rows - live.missing, 1),
        "grown": grown.value,
        **_missing_figures(training, live),
    }


def _missing(training: Summary, live: Summary, thresholds: DriftSettings) -> Check:
    """Only more missing than in training is drift: fewer are no loss."""
    figures = _missing_figures(training, live)
    growth = max(0.0, figures["live_missing"] - figures["training_missing"])
    p_value = statistics.larger_share_p_value((training.missing, training.rows), (live.missing, live.rows))
    return Check("missing", (Effect("missing", growth, thresholds.share),), p_value, _RARE)


def _missing_figures(training: Summary, live: Summary) -> dict[str, float]:
    return {
        "training_missing": training.missing / max(training.rows, 1),
        "live_missing": live.missing / max(live.rows, 1),
    }
