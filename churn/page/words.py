"""Numbers and names as people read them in tables, pages and sentences."""

LETTERS = 40


def number(value: float) -> str:
    """Three significant digits."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def percent(share: float) -> str:
    """A share in percent, with a decimal where it is small."""
    return f"{share:.1%}" if 0 < share < 0.02 else f"{share:.0%}"


def shorten(text: str, letters: int = LETTERS) -> str:
    """A category, cut where it is long."""
    return text if len(text) <= letters else f"{text[:letters]}..."
