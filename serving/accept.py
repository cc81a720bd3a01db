"""Content negotiation: whether a client asks for a page or for JSON."""

import contextlib

from serving.messages import Request


def prefers_html(request: Request) -> bool:
    """Whether HTML is asked for by name, and not less than JSON is: browsers do."""
    weights = {b"text/html": 0.0, b"application/json": 0.0}
    for item in (request.header(b"accept") or b"").lower().split(b","):
        kind, *parameters = (part.strip() for part in item.split(b";"))
        if kind in weights:
            weights[kind] = 1.0
            for parameter in parameters:
                with contextlib.suppress(ValueError):
                    weights[kind] = float(parameter.removeprefix(b"q="))
    return weights[b"text/html"] > 0 and weights[b"text/html"] >= weights[b"application/json"]
