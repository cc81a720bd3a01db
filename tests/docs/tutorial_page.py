"""Blocks of docs/tutorial.md in the order in which a reader meets them, and the comparison of output with a page."""

import re
from dataclasses import dataclass

from tests.conftest import ROOT

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
ANOTHER_TERMINAL = "In another terminal:"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FRAME = re.compile(r"[│┃━─┏┓┗┛┡┩╇┳┻┌┐└┘├┤┬┴┼]")
_TOKEN = re.compile(r"\.\.\.|\d[\d.,]*\d|\d|[^\W\d]+|[^\w\s]")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the paragraph before it."""

    language: str
    text: str
    before: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a page, in its order."""
    found, end = [], 0
    for match in _FENCE.finditer(page):
        before = page[end : match.start()].strip().rpartition("\n\n")[2]
        found.append(Block(match[1], match[2], before))
        end = match.end()
    return found


def missing_lines(said: str, output: str) -> list[str]:
    """Those lines of an output block that a command did not print.

    Spaces, line ends and the frames of tables do not count, `...` stands for anything, and a number is as good as the
    page's within a twentieth: the last digits differ between processors.
    """
    printed = _FRAME.sub(" ", output)
    return [line for line in said.splitlines() if not _is_printed(_FRAME.sub(" ", line), printed)]


def _is_printed(line: str, printed: str) -> bool:
    if line.isdigit():  # an exit code
        return line in printed.splitlines()
    tokens = _TOKEN.findall(line)
    numbers = [_number(token) for token in tokens if token[0].isdigit()]
    # Looked for ahead: a match that is found wrong must not hide one that begins within it.
    pattern = rf"(?={r'\s*'.join(_pattern(token) for token in tokens)})"
    return any(
        all(
            abs(_number(found) - number) <= 0.01 + number / 20
            for found, number in zip(match.groups(), numbers, strict=True)
        )
        for match in re.finditer(pattern, printed, re.DOTALL)
    )


def _pattern(token: str) -> str:
    if token == "...":
        return ".*?"
    return r"(\d[\d.,]*\d|\d)" if token[0].isdigit() else re.escape(token)


def _number(text: str) -> float:
    whole, _, fraction = text.replace(",", "").partition(".")
    return float(f"{whole}.{fraction.replace('.', '') or 0}")
