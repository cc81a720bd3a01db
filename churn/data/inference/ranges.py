"""Generous ranges: what a number may be, given what a file holds."""

import math

from churn.schema.feature import FURTHEST

_ROOM = 1.5
_LEAST = 1e-300


def generous_range(low: float, high: float) -> tuple[float, float]:
    """Limits for requests: 0 and 1 where all lies between; else the next round number at least 1.5 times as far out.

    Example:
        generous_range(18.25, 118.75)  # (0, 200)

    """
    if low >= 0 and high <= 1:
        return 0, 1
    return -round_up(-low * _ROOM) if low < 0 else 0, round_up(high * _ROOM) if high > 0 else 0


def round_up(value: float) -> float:
    """The least of 1, 2, 5, 10, 20, ... (and 0.1, 0.2, ...) that is not below a positive number."""
    tens = 10.0 ** math.floor(math.log10(max(value, _LEAST)))
    found = next(factor * tens for factor in (1, 2, 5, 10, 20) if factor * tens >= value)
    return min(float(f"{found:.0e}"), FURTHEST)
