"""Leakage suspects: columns that tell who left by themselves, so that they were perhaps filled afterwards."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from churn.data.inference.profile import Level, Profile

SUSPECT_AUC = 0.99
FEW_VALUES = 20
"""Numbers of at most so many different values are looked at as levels too."""
_LEAST_CLASS = 10
"""With fewer customers who left, or stayed, a column may tell them apart by chance."""
_RARE_ROWS = 20
_CHANCE = 1e-6


def suspicion(profile: Profile) -> str | None:
    """Why a column is a leakage suspect, in words; None where it is none. Judged on the sample."""
    left, stayed = (sum(counts) for counts in _counts(profile.levels))
    if min(left, stayed) < _LEAST_CLASS:
        return None
    known_left, known_stayed = (sum(counts) for counts in _counts(profile.known))
    share = left / (left + stayed)
    if not known_stayed and share**known_left < _CHANCE:
        return "it is filled only where the customer left"
    if not known_left and (1 - share) ** known_stayed < _CHANCE:
        return "it is filled only where the customer stayed"
    auc = column_auc(profile)
    if auc > 1 - 1e-12:  # but for rounding
        return "it says the same as the target"
    return f"by itself it tells who left (ROC AUC {auc:.3f})" if auc >= SUSPECT_AUC else None


def column_auc(profile: Profile) -> float:
    """ROC AUC of a column alone, at least 0.5: of its numbers in order, or of its levels by their share of leavers."""
    by_level = _auc_of_levels(profile.levels, profile.known)
    if not profile.is_number:
        return by_level
    ordered = sorted(profile.known, key=lambda level: level.number or 0)
    auc = auc_of_groups(ordered)
    return max(auc, 1 - auc, by_level if len(profile.known) <= FEW_VALUES else 0.5)


def auc_of_groups(groups: Iterable[Level]) -> float:
    """Probability that one who left stands in a later group than one who stayed, half of the ties; 0.5 without both.

    The Mann-Whitney form of the area under the ROC curve: https://doi.org/10.1148/radiology.143.1.7063747
    """
    left, stayed = _counts(groups)
    if not (pairs := float(left.sum()) * float(stayed.sum())):
        return 0.5
    below = np.cumsum(stayed) - stayed
    return float((left * (below + stayed / 2)).sum() / pairs)


def _auc_of_levels(levels: Sequence[Level], known: Sequence[Level]) -> float:
    """Those of few rows are one level: each of its own would tell its rows apart by chance. Missing is a level too."""
    total = sum(level.rows for level in levels)
    least = min(_RARE_ROWS, max(2, total // 20))
    names = {level.text for level in known}
    groups: dict[str | None, tuple[int, int]] = {}
    for level in levels:
        key = None if level.text not in names else level.text if level.rows >= least else ""
        left, stayed = groups.get(key, (0, 0))
        groups[key] = left + level.left, stayed + level.stayed
    merged = [Level(None, left + stayed, left, stayed) for left, stayed in groups.values() if left + stayed]
    return auc_of_groups(sorted(merged, key=lambda level: level.left / level.rows))


def _counts(levels: Iterable[Level]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    pairs = np.array([(level.left, level.stayed) for level in levels], dtype=np.float64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
