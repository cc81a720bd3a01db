"""Web origins (RFC 6454): scheme, host and port, written as browsers send them."""

import re

ORIGIN_RULE = (
    "'*', or origins as browsers send them: https://app.example, http://localhost:5173 (no path, no slash at the end)"
)
_ORIGIN = re.compile(
    # Lower case, no default port: otherwise no page would ever match it.
    r"(?P<scheme>https?)://(?:[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def is_origin(text: str) -> bool:
    """Whether a browser would send this text as the `Origin` of a page."""
    match = _ORIGIN.fullmatch(text)
    return match is not None and match["port"] != _DEFAULT_PORTS[match["scheme"]] and int(match["port"] or 1) < 2**16
