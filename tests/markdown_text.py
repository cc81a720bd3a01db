"""Markdown as its reader sees it: blocks of code, sentences, words, links and anchors."""

import re
from pathlib import Path

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code of a language, in order, without the indentation of their list."""
    return [
        re.sub(f"^{indent}", "", code, flags=re.MULTILINE)
        for indent, found, code in FENCE.findall(text)
        if found == language
    ]


def section(text: str, heading: str) -> str:
    """What stands under the heading of level 2 that begins so."""
    (found,) = re.findall(rf"^## {re.escape(heading)}.*?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found


def sentences(text: str) -> list[str]:
    """Sentences of the prose: no code, tables or addresses; headings and items of lists are sentences of their own."""
    prose = re.sub(r"`[^`\n]+`", "code", _without_addresses(FENCE.sub("\n", text)))
    prose = re.sub(r"^ *\|.*$", "", prose, flags=re.MULTILINE)
    apart = re.sub(r"^(#+ .*)$", r"\n\1\n", prose, flags=re.MULTILINE)
    parts = re.split(r"\n\s*\n|\n(?= *(?:[-*+]|\d+\.) )", apart)
    found = [sentence for part in parts for sentence in re.split(r"(?<=[.!?])[)\"'*_]*\s+(?=\W*[A-Z0-9])", part)]
    return [" ".join(sentence.split()) for sentence in found if count_words(sentence)]


def count_words(text: str) -> int:
    """Words that a reader sees, those of code and tables too; an address behind a link is none."""
    return sum(bool(re.search(r"\w", word)) for word in _without_addresses(re.sub(r"```\w*", "", text)).split())


def links(text: str) -> list[str]:
    """Addresses of links and images."""
    return [address for _, _, address in LINK.findall(FENCE.sub("", text))]


def leads_nowhere(address: str, page: Path) -> bool:
    """Whether a link of the page is to a file or a heading that is not there."""
    name, _, anchor = address.partition("#")
    target = page.parent / name if name else page
    if not target.exists():
        return True
    return bool(anchor) and anchor not in anchors(target.read_text(encoding="utf-8"))


def anchors(text: str) -> set[str]:
    """Names by which the headings are linked to."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", _without_addresses(heading).lower()).replace(" ", "-") for heading in headings}


def _without_addresses(text: str) -> str:
    return LINK.sub(r"\2", text)
