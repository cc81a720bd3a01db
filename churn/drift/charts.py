"""Charts of two distributions over each other, for the page's template."""

from dataclasses import dataclass

import numpy as np

from churn.drift.comparison import FeatureDrift
from churn.drift.distribution import Categories, Floats, Numbers
from churn.drift.levels import align
from churn.page.chart import Box, Chart
from churn.page.scales import Scale, round_ticks, shares
from churn.page.words import number, percent, shorten

WIDTH, HEIGHT = 334.0, 120.0
_BINS = 30
_MOST_VALUES = 40
"""Up to so many values of a grain have a bin each."""
_MOST_GRAINS = 10_000
_GRAINS = (1.0, 0.1, 0.01)
_REACH = 2.0
"""The chart reaches so many times the middle 90 % beyond them; one outlier would else flatten all the rest."""
_MOST_BARS = 12
LETTERS = 50
"""Letters of an axis' name."""


@dataclass(frozen=True)
class Histogram:
    """Two histograms over each other, and the shares of rows that lie beyond the chart's ends."""

    chart: Chart
    training_beyond: float
    live_beyond: float


@dataclass(frozen=True)
class Bar:
    """A category with its shares, as text and as a part, 0 to 1, of the longest bar."""

    name: str
    training: float
    live: float
    training_share: str
    live_share: str
    unseen: bool


def histogram(training: Numbers, live: Numbers, label: str, what: str) -> Histogram:
    """Shares of the rows with a value in bins of equal width.

    Args:
        training: has values, as `live` has.
        live: the window's.
        label: what the chart shows, for those who do not see it.
        what: name of the axis of values.

    """
    grain = _grain(training)
    edges = _edges(training, live, grain)
    parts = _shares(training, edges), _shares(live, edges)
    widths = np.diff(edges)
    # The last bin may be narrower: it is as high as it would be were it as wide as the others.
    before, now = (part * widths[0] / widths for part in parts)
    left, right = float(edges[0]), float(edges[-1])
    x = Scale(shorten(what, LETTERS), left, right, round_ticks(left, right, grain))
    each = f" per {number(float(widths[0]))}" if grain and widths[0] > 1.5 * grain else ""
    y = shares(f"share of customers{each}", float(max(before.max(), now.max())))
    box = Box(x, y, WIDTH, HEIGHT)
    outlines = (box.steps(edges.tolist(), heights.tolist()) for heights in (before, now))
    paths = tuple(zip(("was", "now"), outlines, strict=True))
    beyond = (max(0.0, 1 - float(part.sum())) for part in parts)
    return Histogram(Chart(label, x, y, paths, (), WIDTH, HEIGHT), *beyond)


def bars(feature: FeatureDrift) -> list[Bar]:
    """The categories of training and of the window, most frequent first; the rare ones together."""
    if not isinstance(feature.training, Categories) or not isinstance(feature.live, Categories):
        return []
    before, now, _ = align(feature.training, feature.live)
    total_before, total_now = max(sum(before), 1), max(sum(now), 1)
    rows = [(name, a, b, False) for name, a, b in zip(feature.training.counts, before, now, strict=False)]
    if feature.training.others:  # a category that is not listed may have been there
        rows.append(("not listed", before[-1], now[-1], False))
    else:
        new = (name for name in feature.live.counts if name not in feature.training.counts)
        rows += [(name, 0, feature.live.counts[name], True) for name in new]
    parts = [(name, a / total_before, b / total_now, new) for name, a, b, new in rows]
    parts.sort(key=lambda item: -max(item[1:3]))
    listed, rest = parts[:_MOST_BARS], parts[_MOST_BARS:]
    if rest:
        listed.append((f"{len(rest)} more", sum(item[1] for item in rest), sum(item[2] for item in rest), False))
    top = max((max(a, b) for _, a, b, _ in listed), default=0.0) or 1.0
    return [Bar(shorten(name), a / top, b / top, percent(a), percent(b), new) for name, a, b, new in listed]


def _grain(sample: Numbers) -> float:
    """The step of which all values are multiples; 0 where there is none."""
    return next((grain for grain in _GRAINS if _multiples(sample.values, grain)), 0.0)


def _multiples(values: Floats, grain: float) -> bool:
    parts = values / grain
    return bool(np.all(np.abs(parts - np.round(parts)) < 1e-6))


def _edges(training: Numbers, live: Numbers, grain: float) -> Floats:
    """Edges of the bins: those of values with a grain lie between two values, and each bin but the last has as many."""
    low, high = _range(training, live)
    first, last = (int(np.round(end / grain)) for end in (low, high)) if grain else (0, _MOST_GRAINS)
    values = last - first + 1
    if values > _MOST_GRAINS:
        return np.linspace(low, high, _BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])
    step = _values_a_bin(values)
    starts = np.arange(first, last + 1, step, dtype=np.float64)
    return (np.append(starts, last + 1) - 0.5) * grain


def _values_a_bin(values: int) -> int:
    """How many values share a bin: as many as leave the last bin almost as wide as the others."""
    if values <= _MOST_VALUES:
        return 1
    return min(range(-(-values // _MOST_VALUES), values // 12 + 1), key=lambda step: (-values % step) / step)


def _range(training: Numbers, live: Numbers) -> tuple[float, float]:
    """From the lowest to the highest value, but for those far beyond the middle 90 % of both."""
    low, high = (float(pick(training.values[at], live.values[at])) for pick, at in ((min, 0), (max, -1)))
    middle = [_quantile(sample, share) for sample in (training, live) for share in (0.05, 0.95)]
    reach = _REACH * (max(middle) - min(middle))
    return (max(low, min(middle) - reach), min(high, max(middle) + reach)) if reach else (low, high)


def _quantile(sample: Numbers, share: float) -> float:
    up_to = np.cumsum(sample.counts) / max(sample.present, 1)
    return float(sample.values[min(int(np.searchsorted(up_to, share)), len(up_to) - 1)])


def _shares(sample: Numbers, edges: Floats) -> Floats:
    """Share of the rows with a value in each bin; the last one has its right end, too."""
    inside = (sample.values >= edges[0]) & (sample.values <= edges[-1])
    rows, _ = np.histogram(sample.values[inside], edges, weights=sample.counts[inside])
    return (rows / max(sample.present, 1)).astype(np.float64)
