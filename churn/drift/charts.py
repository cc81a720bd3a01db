"""Chart geometry of two distributions over each other, for the page's template."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from churn.drift.comparison import FeatureDrift
from churn.drift.distribution import Categories, Floats, Numbers
from churn.drift.levels import align
from churn.page.words import number, percent, shorten

WIDTH, HEIGHT = 480.0, 150.0
_BINS = 30
_MOST_BARS = 12


@dataclass(frozen=True)
class Histogram:
    """Outlines as SVG paths in a box of `WIDTH` x `HEIGHT`; `ticks` are (x, label)."""

    training: str
    live: str
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Bar:
    """A category with its shares, as text and as a part, 0 to 1, of the longest bar."""

    name: str
    training: float
    live: float
    training_share: str
    live_share: str
    unseen: bool


def histogram(training: Numbers, live: Numbers) -> Histogram:
    """Shares of rows in up to 30 bins of equal width; what lies beyond 99.9 % is in the bins at the ends."""
    edges = _edges(training, live)
    before, now = _shares(training, edges), _shares(live, edges)
    top = max(float(before.max()), float(now.max()), 1e-9)
    left, right = edges[0], edges[-1]
    positions = (edges - left) / (right - left) * WIDTH
    return Histogram(_outline(positions, before / top), _outline(positions, now / top), _ticks(left, right, training))


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
    shares = [(name, a / total_before, b / total_now, new) for name, a, b, new in rows]
    shares.sort(key=lambda item: -max(item[1:3]))
    listed, rest = shares[:_MOST_BARS], shares[_MOST_BARS:]
    if rest:
        listed.append((f"{len(rest)} more", sum(item[1] for item in rest), sum(item[2] for item in rest), False))
    top = max(max(a, b) for _, a, b, _ in listed) if listed else 1.0
    return [Bar(shorten(name), a / top, b / top, percent(a), percent(b), new) for name, a, b, new in listed]


def _ticks(left: float, right: float, training: Numbers) -> tuple[tuple[float, str], ...]:
    marks = np.linspace(left, right, 5)
    if _whole(training):
        first = np.ceil(left) + 0.0  # of -0.5 it is -0.0, which would be printed as such
        marks = np.arange(first, right, max(1.0, np.ceil((right - left) / 6)))
    return tuple((float((mark - left) / (right - left) * WIDTH), number(float(mark))) for mark in marks)


def _whole(sample: Numbers) -> bool:
    return bool(np.all(sample.values == np.floor(sample.values)))


def _edges(training: Numbers, live: Numbers) -> Floats:
    low = min(_quantile(training, 0.001), _quantile(live, 0.001))
    high = max(_quantile(training, 0.999), _quantile(live, 0.999))
    if _whole(training) and high - low < 1000:
        step = max(1, int(np.ceil((high - low + 1) / _BINS)))
        return np.arange(low - 0.5, high + step, step, dtype=np.float64)
    return np.linspace(low, high if high > low else low + 1, _BINS + 1)


def _quantile(sample: Numbers, share: float) -> float:
    up_to = np.cumsum(sample.counts) / max(sample.present, 1)
    return float(sample.values[min(int(np.searchsorted(up_to, share)), len(up_to) - 1)])


def _shares(sample: Numbers, edges: Floats) -> Floats:
    at = np.clip(np.searchsorted(edges, sample.values, side="right") - 1, 0, len(edges) - 2)
    rows = np.bincount(at, weights=sample.counts, minlength=len(edges) - 1)
    return (rows / max(sample.present, 1)).astype(np.float64)


def _outline(positions: Floats, heights: Floats) -> str:
    steps = [f"M{positions[0]:.1f},{HEIGHT:.1f}"]
    for (left, right), height in zip(pairwise(positions), heights, strict=True):
        y = HEIGHT * (1 - float(height) * 0.96)
        steps.append(f"L{left:.1f},{y:.1f}L{right:.1f},{y:.1f}")
    return "".join([*steps, f"L{positions[-1]:.1f},{HEIGHT:.1f}"])
