"""Numbers and names as people read them in tables, pages and sentences."""

import re

LETTERS = 40
_LEAST_P = 0.001


def number(value: float) -> str:
    """Three significant digits."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def percent(share: float) -> str:
    """A share in percent, with a decimal where it is small."""
    return f"{share:.1%}" if 0 < share < 0.02 else f"{share:.0%}"


def p_value(value: float) -> str:
    """A p-value with two digits; how far below 0.001 it is says nothing more."""
    return f"< {_LEAST_P}" if value < _LEAST_P else f"{value:.2g}"


def shorten(text: str, letters: int = LETTERS) -> str:
    """A category, cut where it is long."""
    return text if len(text) <= letters else f"{text[:letters]}..."


def moment(utc: str) -> str:
    """A moment of ISO 8601 in UTC as people read it."""
    return utc.replace("T", " ").replace("Z", " UTC")


def anchor(word: str) -> str:
    """Name of a term's place in its page."""
    return f"term-{re.sub(r'\W+', '-', word.lower()).strip('-')}"
