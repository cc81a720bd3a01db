"""Scales of charts: from figures to places, with round ticks."""

import math
from dataclasses import dataclass

from churn.page.words import number

_ROUND = (1.0, 2.0, 5.0, 10.0)
_LARGE = ((1e12, "T"), (1e9, "B"), (1e6, "M"))


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
    digits = max(0, -math.floor(math.log10(step) + 1e-9) - 2)
    return Scale(name, 0.0, count * step, tuple((at * step, f"{at * step:.{digits}%}") for at in range(count + 1)))


def numbers(name: str, low: float, high: float) -> Scale:
    """From `low` to `high`, both of them ticks, with round numbers between them where there is room."""
    if low >= high:
        return Scale(name, low - 1, low + 1, ((low, number(low)),))
    step, room = _step(high - low, 4), (high - low) / 5
    between = [at * step for at in range(math.ceil((low + room) / step), math.floor((high - room) / step) + 1)]
    kept = between if len(between) < 3 else between[1:2]
    return Scale(name, low, high, tuple((tick + 0.0, number(tick + 0.0)) for tick in (low, *kept, high)))


def round_numbers(name: str, low: float, high: float) -> Scale:
    """From a round number to another, both of them ticks, around `low` to `high` and 0."""
    low, high = min(low, 0.0), max(high, 0.0)
    step = _step((high - low) or 1.0, 5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    ticks = tuple((at * step + 0.0, number(at * step + 0.0)) for at in range(first, last + 1))
    return Scale(name, first * step, last * step, ticks)


def round_ticks(low: float, high: float, least: float = 0.0) -> tuple[tuple[float, str], ...]:
    """The multiples of a round step, at least `least`, from `low` to `high`: (figure, label) in order."""
    step = max(_step(high - low, 5), least)
    multiples = range(math.ceil(low / step), math.floor(high / step) + 1)
    return tuple((at * step, _label(at * step, step)) for at in multiples)


def ratios(name: str, low: float, high: float) -> Scale:
    """A logarithmic scale around 1, with ticks at powers of one number up to 10,000; what is beyond lies at an end."""
    reach = max(high, 1 / max(low, 1e-9))
    base = next((base for base in (2, 3, 4, 10, 30) if base**2 >= reach), 100)
    ticks = tuple((float(base) ** at, _ratio(float(base) ** at)) for at in range(-2, 3))
    return Scale(name, ticks[0][0], ticks[-1][0], ticks, log=True)


def _label(value: float, step: float) -> str:
    """A tick with as many digits as tell it from the next one."""
    for limit, letter in _LARGE:
        if step >= limit / 100 and abs(value) >= limit:
            return f"{value / limit:,.4g}{letter}"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:,.{decimals}f}" if decimals < 5 else f"{value:.3g}"


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"1/{1 / value:,.0f}"


def _step(span: float, most: int) -> float:
    """The smallest round step of which at most `most` cover the span."""
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(factor * power for factor in _ROUND if factor * power * most >= span * (1 - 1e-9))
