"""Categories of training and of a window, side by side: the common ones, and those that are rare or new.

What chance alone does to categories with many levels must not look like a change. A level that training has once, a
window of the same customers seldom has, and it has as many others that training lacks. And the most frequent levels of
a sample are in part those that chance favoured in it. So a level is common by its rows in both samples together, and
how many rows of a window are of levels that training lacks is compared with what training itself lets expect.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from churn.drift import statistics
from churn.drift.distribution import Categories, Floats

_DEVIATIONS = 4.0
"""So far chance takes no common level below those that the reference lists."""


def align(training: Categories, live: Categories) -> tuple[list[int], list[int], int]:
    """Rows of each category of training and of all others, in both samples; and how many rows are unseen.

    Where training had too many categories to list, a category that is not listed is not called unseen.
    """
    before = [*training.counts.values(), training.others]
    known = [live.counts.get(name, 0) for name in training.counts]
    rest = live.rows - live.missing - sum(known)
    return before, [*known, rest], 0 if training.others else rest


@dataclass(frozen=True)
class Pooled:
    """Rows of categories in training and in a window.

    Attributes:
        training: [k + 1] rows of each common category, and in the last column of all others together.
        live: [k + 1] the same of the window.
        grown: the rare category whose share has grown most: its name, share in training, share in the window, and the
            chance of that for any of them.

    """

    training: Floats
    live: Floats
    grown: tuple[str, float, float, float]


def pool(training: Categories, live: Categories) -> Pooled:
    """The two samples with their rare categories together.

    A category is common where a chi-squared test can tell it apart and where the reference surely lists it. One that it
    does not list is new or rare: it counts as having had as many rows as the last one listed.
    """
    least = min(training.counts.values(), default=0) if training.others else 0
    names = [*dict.fromkeys([*training.counts, *live.counts])]
    table = np.array(
        [[training.counts.get(name, least) for name in names], [live.counts.get(name, 0) for name in names]],
        dtype=np.float64,
    )
    rows = np.array([training.rows - training.missing, live.rows - live.missing], dtype=np.float64)
    before, now = rows / max(float(rows.sum()), 1.0)
    together = table.sum(axis=0)
    common = together * min(before, now) >= statistics.SMALLEST_EXPECTED
    if training.others:
        common &= together * before >= _surely_above(least, now)
    first, second = np.column_stack((table[:, common], np.maximum(rows - table[:, common].sum(axis=1), 0)))
    rare = [name for name, is_common in zip(names, common, strict=True) if not is_common]
    return Pooled(first, second, _grown(rare, table[:, ~common], rows))


def _grown(names: Sequence[str], table: Floats, rows: Floats) -> tuple[str, float, float, float]:
    """The category whose share has grown most, by its rows in both samples, and Bonferroni's bound of its p-value."""
    shares = table / np.maximum(rows, 1)[:, None]
    if not names or not rows.all():
        return "", 0.0, 0.0, 1.0
    most = int(np.argmax(shares[1] - shares[0]))
    before, now = table[:, most]
    p_value = statistics.larger_rate_p_value(before, rows[0], now, rows[1])
    return names[most], float(shares[0, most]), float(shares[1, most]), min(1.0, len(names) * p_value)


def rare_or_new(training: Categories, live: Categories) -> tuple[float, float, float]:
    """Share of a window's rows in categories that training lacks or has seldom, the share to expect, and a p-value.

    Seldom is never, where the reference lists every category; else at most as often as the last one that it lists.
    """
    often = min(training.counts.values(), default=0) + 1 if training.others else 1
    rows, live_rows = training.rows - training.missing, live.rows - live.missing
    known = [name for name, count in training.counts.items() if count >= often]
    found = live_rows - sum(live.counts.get(name, 0) for name in known)
    # Good (1953): those that a new row would be of are those that a row of training would be of without itself.
    frequent = [count for count in training.counts.values() if count > often]
    expected = rows - sum(frequent)
    next_level = sum(count == often + 1 for count in frequent)
    p_value = statistics.rare_p_value((expected, rows), often * (often + 1) * next_level, (found, live_rows))
    return found / max(live_rows, 1), expected / max(rows, 1), p_value


def _surely_above(rows: int, live_share: float) -> float:
    """Training rows to expect of a category, so that chance leaves it above `rows`: by four standard deviations."""
    spread = _DEVIATIONS * math.sqrt(live_share)
    return ((spread + math.sqrt(spread**2 + 4 * rows)) / 2) ** 2
