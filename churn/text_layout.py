"""Text layout for terminals: tables and facts that keep to a width and break no word, so that each can be copied.

Widths are in columns of a terminal, of which some characters take two; `math.inf` is no limit.
"""

from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len

type Row = Sequence[str]

INDENT = "    "
_LONGEST_KEY = 28
"""Facts of longer keys are not aligned with the others."""


def wrapped(text: str, width: float) -> list[str]:
    """The text in lines of at most that width, broken at spaces; a word that is wider has a line of its own."""
    lines: list[str] = []
    for word in text.split():
        if lines and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def indented(text: str, width: float, indent: str = INDENT) -> list[str]:
    """The text in lines that begin with an indent."""
    return [indent + line for line in wrapped(text, width - cell_len(indent))]


def padded(text: str, width: int) -> str:
    """The text with spaces up to that width."""
    return text + " " * (width - cell_len(text))


def hanging_table(rows: Sequence[Row], width: float) -> list[str]:
    """A table, a text a row; a first cell that leaves no room for the others stands on a line of its own above them.

    Args:
        rows: equally many cells each, the first of them at least two; a header is a row like the others.
        width: of a line.

    """
    others = [max(map(cell_len, column)) for column in zip(*(row[1:] for row in rows), strict=True)]
    room = width - sum(others) - len(others)
    first = max((cell_len(row[0]) for row in rows if cell_len(row[0]) <= room), default=len(INDENT))
    return [_hanging_row(row, first, others) for row in rows]


def facts(rows: Sequence[tuple[str, str]], width: float) -> list[str]:
    """Keys and values, in lines; values are aligned and, where they are wider than what is left, go on below."""
    longest = max((cell_len(key) for key, _ in rows if cell_len(key) <= min(_LONGEST_KEY, width)), default=0)
    return [line for key, value in rows for line in _fact(key, value, longest, width)]


def side_by_side(rows: Sequence[Row], names: tuple[str, str], width: float) -> list[str]:
    """Two columns of values, in lines; where a word is wider than its column, one below the other.

    Args:
        rows: a label and two values each.
        names: of the columns; they stand before values that are below each other.
        width: of a line.

    """
    label = max(cell_len(row[0]) for row in rows)
    column = int(min((width - label - 4) / 2, max(cell_len(value) for row in rows for value in row[1:])))
    lines: list[str] = []
    for title, *values in rows:
        first, second = (wrapped(value, column) for value in values)
        if all(cell_len(line) <= column for line in (*first, *second)):
            cells = zip_longest([title], first, second, fillvalue="")
            lines += [f"{padded(a, label)}  {padded(b, column)}  {c}".rstrip() for a, b, c in cells]
        else:
            lines.append(title)
            for name, value in zip(names, values, strict=True):
                lines += [f"  {name} {line}" for line in wrapped(value, width - 3 - cell_len(name))]
    return lines


def _hanging_row(row: Row, first: int, others: Sequence[int]) -> str:
    hangs = cell_len(row[0]) > first
    cells = [" " * first if hangs else padded(row[0], first), *map(padded, row[1:], others)]
    return f"{row[0]}\n" * hangs + " ".join(cells).rstrip()


def _fact(key: str, value: str, longest: int, width: float) -> list[str]:
    start = f"{padded(key, longest)}  "
    if cell_len(start + value) <= width:
        return [(start + value).rstrip()]
    lines = wrapped(value, width - cell_len(start))
    if cell_len(key) > longest or any(cell_len(start + line) > width for line in lines):
        return [key, *indented(value, width)]
    return [start + lines[0], *(" " * cell_len(start) + line for line in lines[1:])]
