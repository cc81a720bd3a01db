"""Limit to the texts of a category: an identifier or free text is none, however many levels training can group."""

MAX_LEVELS = 20_000
"""Of one column: all postal areas of a country, and some. Training gives at most a hundred of them an input."""
FEW_LEVELS = 1_000
"""Up to so many are no trouble, even where every row has its own."""
MAX_SHARE = 0.9
"""Of more, so many different ones a row are an identifier's."""
_CURE = "an identifier or free text is no category: leave it out of the features; `[file]` of the schema may ignore it"


def level_problem(column: str, levels: int, rows: int) -> str | None:
    """What is wrong with a column of so many different texts; None where it can be a category.

    Args:
        column: its name in the file.
        levels: how many different texts it has, missing ones not counted.
        rows: of how many rows.

    """
    if levels <= FEW_LEVELS or (levels <= MAX_LEVELS and levels <= MAX_SHARE * rows):
        return None
    if levels > MAX_LEVELS:  # of which no more are counted
        return f"column {column}: more than {MAX_LEVELS:,} different texts; {_CURE}"
    return (
        f"column {column}: {levels:,} different texts in {rows:,} rows; allowed: up to {MAX_SHARE:.0%} of the rows; "
        f"{_CURE}"
    )
