"""Scales of charts: from figures to places, with round ticks."""

import math
from dataclasses import dataclass

from churn.page.words import number, percent

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """A linear or logarithmic scale.

    Attributes:
        name: what is measured, for the axis.
        low: the figure at its beginning.
        high: the figure at its end, above `low`.
        ticks: (figure, label) in order.
        log: whether equal ratios, not equal differences, are equally far apart.

    """

    name: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def place(self, figure: float) -> float:
        """Where a figure lies, 0 to 1; one beyond an end lies at that end."""
        low, high = self.low, self.high
        if self.log:
            figure, low, high = math.log(max(figure, low)), math.log(low), math.log(high)
        return min(max((figure - low) / (high - low), 0.0), 1.0)


def shares(name: str, highest: float = 1.0) -> Scale:
    """From 0 % to a round share, at most 100 %, that is not below the highest."""
    step = _step(min(highest, 1.0) or 1.0, 5)
    count = min(math.ceil(highest / step - 1e-9), round(1 / step)) or 1
    return Scale(name, 0.0, count * step, tuple((at * step, percent(at * step)) for at in range(count + 1)))


def numbers(name: str, low: float, high: float, *, most: int = 5) -> Scale:
    """From `low` to `high`, with ticks at round numbers between them."""
    if low >= high:
        low, high = low - 1, high + 1
    step = _step(high - low, most)
    ticks = (at * step + 0.0 for at in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1))
    return Scale(name, low, high, tuple((tick, number(tick)) for tick in ticks))


def round_numbers(name: str, low: float, high: float) -> Scale:
    """From a round number to another, both of them ticks, around `low` to `high` and 0."""
    low, high = min(low, 0.0), max(high, 0.0)
    step = _step((high - low) or 1.0, 5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    ticks = tuple((at * step + 0.0, number(at * step + 0.0)) for at in range(first, last + 1))
    return Scale(name, first * step, last * step, ticks)


def ratios(name: str, low: float, high: float) -> Scale:
    """A logarithmic scale around 1 that holds `low` to `high`, with at most five ticks at powers of one number."""
    reach = max(math.log(max(high, 1.0)), -math.log(min(max(low, 1e-12), 1.0)), math.log(2))
    for base in (2, 4, 10, 100, 1000, 10**4, 10**6):
        if math.log(base) * 2 >= reach:
            break
    steps = 2 if math.log(base) < reach else 1
    ticks = tuple((float(base) ** at, _ratio(float(base) ** at)) for at in range(-steps, steps + 1))
    return Scale(name, ticks[0][0], ticks[-1][0], ticks, log=True)


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"1/{1 / value:,.0f}"


def _step(span: float, most: int) -> float:
    """The smallest round step of which at most `most` cover the span."""
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(factor * power for factor in _ROUND if factor * power * most >= span * (1 - 1e-9))
