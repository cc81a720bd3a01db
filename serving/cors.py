"""Cross-origin resource sharing: pages of the origins in `CHURN_CORS_ORIGINS` may call the service.

https://fetch.spec.whatwg.org/#http-cors-protocol. Credentials that a browser keeps are not allowed: a page sends its
token as a header, so that no page uses what its reader has typed for another one.
"""

from collections.abc import Collection

from serving.messages import AsgiApp, Headers, Message, Receive, Scope, Send

ANY_ORIGIN = "*"
_PREFLIGHT: Headers = [
    (b"access-control-allow-methods", b"GET, HEAD, POST"),
    (b"access-control-allow-headers", b"authorization, content-type, traceparent, tracestate, x-request-id"),
    (b"access-control-max-age", b"600"),
]
_READABLE = (b"access-control-expose-headers", b"x-request-id, retry-after")
_VARY = (b"vary", b"origin")


def with_cors(app: AsgiApp, origins: Collection[str]) -> AsgiApp:
    """The app for pages of these origins (`*`: of any) too: errors are readable, preflight requests are answered.

    A page of another origin is answered as if there were no setting; its browser hides the answer from it.
    """
    to_any = [(b"access-control-allow-origin", b"*"), _READABLE] if ANY_ORIGIN in origins else None
    to_listed = {
        origin.encode(): [(b"access-control-allow-origin", origin.encode()), _READABLE, _VARY] for origin in origins
    }

    async def sharing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        origin, is_preflight = _asked(scope)
        allowed = to_any or to_listed.get(origin)
        if allowed and is_preflight:
            await send({"type": "http.response.start", "status": 204, "headers": [*allowed, *_PREFLIGHT]})
            await send({"type": "http.response.body"})
            return
        headers = allowed or [_VARY]

        async def forward(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        await app(scope, receive, forward)

    return sharing


def _asked(scope: Scope) -> tuple[bytes, bool]:
    """The origin of the page that asks, empty where none does, and whether its browser asks for leave first."""
    origin, asks_for_method = b"", False
    for name, value in scope["headers"]:
        if name == b"origin":
            origin = value
        elif name == b"access-control-request-method":
            asks_for_method = True
    return origin, bool(origin) and asks_for_method and scope["method"] == "OPTIONS"
