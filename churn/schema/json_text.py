"""Encoding of JSON bodies: the byte order mark and encodings other than UTF-8 (RFC 8259, 8.1)."""

from typing import Any

from churn.errors import RecordError

type Json = Any
"""Value that JSON can hold."""

UTF8_MARK = b"\xef\xbb\xbf"
"""A byte order mark, which some editors and libraries put before UTF-8: it says nothing, and is ignored."""

_BEGINNINGS = {
    # UTF-32 first: its mark in little-endian begins with that of UTF-16.
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\x1f\x8b": "compressed with gzip",
}
_BY_NULLS = {3: "UTF-32", 2: "UTF-16"}  # without a mark: JSON begins with characters below 128


def other_encoding(body: bytes) -> RecordError | None:
    """What to tell a client whose body is no UTF-8 text by its first bytes; None where it may be."""
    found = next((name for mark, name in _BEGINNINGS.items() if body.startswith(mark)), None)
    found = found or _BY_NULLS.get(body[:4].count(0))
    if found is None:
        return None
    message = f"the body is not valid JSON: it is {found}; send it as UTF-8"
    return RecordError(
        message, [{"loc": [], "msg": f"Invalid JSON: the body is {found}, not UTF-8", "type": "json_invalid"}]
    )
