"""Schema files: read and checked, each problem with its line."""

import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from churn import bundled
from churn.errors import SchemaError
from churn.schema.definition import Schema
from churn.stored_files import HomeFile, ModelFile

FILE_NAME = ModelFile.SCHEMA.path
"""Its name in a home, and in each stored model."""
BUNDLED = bundled.SCHEMA
"""The schema of the bundled data."""
SHOWN = 10

type _Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+)\s*[=.]""")


def read_schema(path: Path) -> Schema:
    """Read a schema file.

    Raises:
        SchemaError: it cannot be read, or is no schema; names the line, the value and what is allowed.
    """
    try:
        return parse_schema(path.read_bytes(), str(path))
    except OSError as error:
        raise SchemaError(f"{path} cannot be read: {error.strerror or error}") from None


def parse_schema(content: bytes, where: str) -> Schema:
    """Read the content of a schema file; `where` is its name in messages. Raises as `read_schema`."""
    try:
        text = content.decode("utf-8-sig")
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise SchemaError(f"{where} cannot be read: byte {error.start} is not UTF-8; save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SchemaError(f"{where} is not TOML: {error}") from None
    try:
        return Schema.of_file(document, content)
    except ValidationError as error:
        lines = _lines(text)
        details = error.errors(include_url=False)
        if len(details) > 1:  # a list whose items are wrong counts as an empty one
            details = [detail for detail in details if detail["type"] != "too_short"]
        problems = [_problem(detail, document, lines) for detail in details]
        more = [f"... and {len(problems) - SHOWN:,} more"] if len(problems) > SHOWN else []
        raise SchemaError("\n  ".join([f"{where} is not a schema:", *problems[:SHOWN], *more])) from None


def bundled_schema() -> Schema:
    """The schema of the bundled data, `schemas/churn.toml`."""
    return read_schema(BUNDLED)


def default_schema(home: Path) -> Path:
    """The schema file that training uses where none is named: that of the home, or else the bundled one."""
    own = HomeFile.SCHEMA.under(home)
    return own if own.exists() else BUNDLED


def _problem(detail: ErrorDetails, document: dict[str, Any], lines: dict[_Path, int]) -> str:
    path = detail["loc"]
    line = next((lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in lines), 1)
    return f"line {line}, {_name(path, document)}: {_message(detail)}"


def _name(path: _Path, document: dict[str, Any]) -> str:
    """`feature tenure, minimum` for ("feature", 0, "minimum")."""
    if path[:1] != ("feature",) or len(path) < 2 or not isinstance(path[1], int):
        return ".".join(map(str, path)) or "the file"
    found = document["feature"][path[1]]
    name = found.get("name", f"number {path[1] + 1}") if isinstance(found, dict) else f"number {path[1] + 1}"
    return ", ".join([f"feature {name}", *map(str, path[2:])])


def _message(detail: ErrorDetails) -> str:
    if detail["type"] == "extra_forbidden":
        return "there is no such key"
    if detail["type"] == "missing":
        return "it is missing"
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    return f"{detail['msg']}, not {detail['input']!r:.80}"


def _lines(text: str) -> dict[_Path, int]:
    """The line of each table and key. A key inside a text of several lines may be taken for one: only its line is."""
    lines: dict[_Path, int] = {(): 1}
    table: _Path = ()
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            brackets, name = header[1], header[2].strip("\"'")
            if brackets == "[[":
                counts[name] = counts.get(name, -1) + 1
            table = (name, counts[name]) if brackets == "[[" else tuple(name.split("."))
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, key[1].strip("\"'")), number)
    return lines
