"""Schema file of a proposal: TOML that people read and change."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from churn.data.inference.piece import Piece
from churn.schema.table import Value

LOOK = "# look: "


def render_feature(name: str, piece: Piece, *, missing: bool) -> Iterator[str]:
    """The lines of a feature's table."""
    yield ""
    yield "[[feature]]"
    if piece.look:
        yield f"{LOOK}{piece.note}"
    keys: dict[str, Value] = {"name": name}
    if name != piece.column:
        keys["column"] = piece.column
    example = piece.keys["example"]
    keys |= {key: value for key, value in piece.keys.items() if key != "example"}
    if missing:
        keys["missing"] = "impute"
    yield from render_keys(keys | {"example": example})


def render_keys(keys: Mapping[str, Value | tuple[Value, ...]]) -> Iterator[str]:
    """A line a key."""
    for key, value in keys.items():
        yield f"{key} = {_list(value) if isinstance(value, tuple) else _value(value)}"


def render_ignored(pieces: Sequence[Piece]) -> Iterator[str]:
    """The key `ignore` of [file], a line a column, with the reason behind it."""
    if not pieces:
        return
    yield "ignore = ["
    for piece in pieces:
        yield f"  {_value(piece.column)},  {LOOK if piece.look else '# '}{piece.note}"
    yield "]"


def schema_name(stem: str) -> str:
    """A file's name as the name of a schema."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-_.")[:63] or "customers"


def _list(values: Sequence[Value]) -> str:
    return f"[{', '.join(map(_value, values))}]"


def _value(value: Value) -> str:
    if isinstance(value, str):
        # TOML's basic strings are JSON's, but for this character; comments may not hold it either.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)
