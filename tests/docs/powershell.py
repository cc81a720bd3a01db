"""Commands of PowerShell and HTTP calls of both shells, read out of blocks of code."""

import json
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

PARSER = Parser(Language(tree_sitter_powershell.language()))
UNKNOWN = re.compile(r"(?<=\s)(--?(?=\s|$)|--[\w-]+=\S+|(?<=-o )\w+='[^']*')", re.MULTILINE)
"""Words that PowerShell hands to other programs as they are, and that the grammar does not know."""
ENDS = ";|&()\n"
"""What ends a command of bash."""


class Call(NamedTuple):
    """An HTTP request, however it is written; its body is JSON, or `@` and the name of a file."""

    method: str
    address: str
    body: Any


def mistakes(code: str) -> list[str]:
    """What of a block cannot be parsed."""
    return [_text(node) for node in _nodes(code) if node.is_error or node.is_missing]


def invoked(code: str) -> list[Call]:
    """The calls of `Invoke-RestMethod` in a block of PowerShell."""
    found = []
    for node in _nodes(code):
        if node.type == "command" and _text(node.children[0]) == "Invoke-RestMethod":
            words = [_unquoted(_text(child)) for child in node.children[1].named_children if _is_word(child)]
            options = dict(pairwise(words))
            file = options.get("-InFile")
            body = f"@{file}".replace("\\", "/") if file else options.get("-Body")
            found.append(_call(options.get("-Method", "Get"), options.get("-Uri", words[0]), body))
    return found


def curled(code: str) -> list[Call]:
    """The calls of `curl` in a block of bash."""
    # A comment takes the end of its line along, which ends a command, too.
    words = shlex.shlex(code.replace("\\\n", " ").replace("\n", "\n;"), posix=True, punctuation_chars=ENDS)
    words.whitespace, words.whitespace_split = " \t", True
    found: list[list[str]] = []
    inside = False
    for word in words:
        ended = not word.strip(ENDS)
        if word == "curl" and not inside:
            found.append([])
        elif inside and not ended:
            found[-1].append(word.replace("\n;", "\n"))
        inside = word == "curl" or (inside and not ended)
    return [_curl(given) for given in found]


def _curl(words: list[str]) -> Call:
    options = dict(pairwise(words))
    body = options.get("-d")
    taking = {"-X", "-H", "-d", "-o"}
    (address,) = [word for before, word in pairwise(["", *words]) if before not in taking and not word.startswith("-")]
    return _call(options.get("-X", "GET" if body is None else "POST"), address, body)


def _call(method: str, address: str, body: Any) -> Call:
    """What a shell puts into a body, such as a random number, is the same for both."""
    if body and not body.startswith("@"):
        body = json.loads(re.sub(r"\$\(\(.*?\)\)|\$\(.*?\)", "0", body))
    return Call(method.upper(), address.removeprefix("http://"), body)


def _nodes(code: str) -> Iterator[Node]:
    return _walk(PARSER.parse(UNKNOWN.sub("word", code).encode()).root_node)


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _is_word(node: Node) -> bool:
    return node.type != "command_argument_sep"


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _unquoted(word: str) -> str:
    """The text that PowerShell makes of a word: nothing is special in '...', ` is an escape in "..."."""
    if word.startswith("'"):
        return word[1:-1].replace("''", "'")
    return re.sub(r"`(.)", r"\1", word[1:-1]) if word.startswith('"') else word
