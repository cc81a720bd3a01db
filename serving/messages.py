"""Requests, responses and HTTP errors: a thin layer over ASGI, on the path of every request."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

import orjson

from churn.errors import ChurnError, Problem

type Scope = MutableMapping[str, Any]
type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
type Headers = list[tuple[bytes, bytes]]
type Handler = Callable[["Request"], Awaitable["Response"]]

JSON = b"application/json"
ARROW = b"application/vnd.apache.arrow.stream"
MAX_REQUEST_ID = 128
_SMALL_BODY = 64 * 2**10
_LENGTH_DIGITS = 18
_SHORT_DIGITS = 3
_SHOWN_CHARACTERS = 64


class HttpError(ChurnError):
    """An answer other than 2xx.

    Attributes:
        status: HTTP status.
        reason: machine-readable and of a bounded set: a label in the metrics.
        detail: what is wrong, item by item.

    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        detail: list[Problem] | None = None,
        headers: Headers | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.detail: list[Problem] = detail if detail is not None else [{"loc": [], "msg": message, "type": reason}]
        self.headers: Headers = headers or []

    def response(self) -> "Response":
        """The one shape of every error."""
        body = orjson.dumps({"error": str(self), "detail": self.detail})
        return Response(self.status, body, JSON, self.headers)


class Response:
    """An HTTP response: a status, a whole body, and headers beside type and length."""

    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(
        self,
        status: int,
        body: bytes | memoryview,
        content_type: bytes = JSON,
        headers: Headers | tuple[()] = (),
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers

    async def send(self, send: Send) -> None:
        """Write it to the client."""
        headers = [
            (b"content-type", self.content_type),
            (b"content-length", b"%d" % len(self.body)),
            *self.headers,
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


class Budget:
    """The bytes of bodies in memory in this process, beyond small ones that arrived at once."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0


class Request:
    """An HTTP request. `request_id` starts as the header's or a new one; a handler may set the record's.

    Its creator calls `release` at the end, where `reserved` is not 0.
    """

    __slots__ = ("_budget", "_receive", "request_id", "reserved", "scope")

    def __init__(self, scope: Scope, receive: Receive, request_id: str, budget: Budget) -> None:
        self.scope = scope
        self._receive = receive
        self._budget = budget
        self.request_id = request_id
        self.reserved = 0

    def header(self, name: bytes) -> bytes | None:
        """The first header of that (lower-case) name."""
        for key, value in self.scope["headers"]:
            if key == name:
                header: bytes = value
                return header
        return None

    def declares(self, content_type: bytes) -> bool:
        """Whether the body is said to be of that type."""
        return _content_type(self.header(b"content-type") or b"") == content_type

    async def json_body(self, limit: int, cure: str, *, or_arrow: bool = False) -> bytes:
        """The whole body, which must be declared as JSON (or not at all); `cure` says what to do where it is too large.

        With `or_arrow` it may be declared as an Arrow stream instead: `declares` tells.

        Raises:
            HttpError: 415 for another content type or an encoded body, 413 over `limit` bytes, 408 when it does not
                arrive in time, 429 when too many other bodies are in memory, 400 when the client went away.
        """
        for key, value in self.scope["headers"]:
            if key == b"content-type":
                _check_content_type(value, or_arrow=or_arrow)
            elif key == b"content-length" and (len(value) > _SHORT_DIGITS or not value.isdigit()):
                _check_length(value, limit, cure)  # of a short one the body itself is measured, soon enough
            elif key == b"content-encoding":
                _check_content_encoding(value)
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise _gone()
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit, cure)
        if message.get("more_body", False):
            if "overdue" in self.scope:
                raise overdue(self.scope["overdue"])
            return await self._rest(bytearray(body), limit, cure)
        if len(body) > _SMALL_BODY:
            self._reserve(len(body))
        return body

    async def _rest(self, body: bytearray, limit: int, cure: str) -> bytes:
        self._reserve(len(body))
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise _gone()
            part: bytes = message.get("body", b"")
            more = message.get("more_body", False)
            if more and "overdue" in self.scope:
                raise overdue(self.scope["overdue"])
            self._reserve(len(part))
            body += part
            if len(body) > limit:
                raise _too_large(limit, cure)
        return bytes(body)

    def _reserve(self, size: int) -> None:
        if self._budget.used + size > self._budget.limit:
            raise too_busy("too many large bodies are being received or worked on", close=True)
        self._budget.used += size
        self.reserved += size

    def release(self) -> None:
        """Return the body's bytes to the budget."""
        self._budget.used -= self.reserved
        self.reserved = 0


def too_busy(message: str, *, close: bool = False) -> HttpError:
    """The error of an overloaded process; `close` where the rest of the body is not read."""
    headers = [(b"retry-after", b"1"), *([(b"connection", b"close")] if close else [])]
    return HttpError(429, "too_busy", f"{message}; try again in a second", headers=headers)


def overdue(seconds: float) -> HttpError:
    """The error of a request that did not arrive in time."""
    message = f"the request did not arrive whole within {seconds:g} s"
    return HttpError(408, "request_timeout", message, headers=[(b"connection", b"close")])


def header_request_id(scope: Scope) -> str | None:
    """The client's `X-Request-ID`, if it is 1 to 128 printable ASCII characters; otherwise it is ignored."""
    for key, value in scope["headers"]:
        if key == b"x-request-id":
            text: str = value.decode("latin-1").strip()
            return text if 0 < len(text) <= MAX_REQUEST_ID and text.isascii() and text.isprintable() else None
    return None


def header_text(value: bytes) -> str:
    """The first characters of a client's own header, for a message."""
    return value[:_SHOWN_CHARACTERS].decode("latin-1")


def request_id_header(request_id: str) -> tuple[bytes, bytes]:
    """The header that echoes a request id; what is not ASCII is percent-encoded UTF-8."""
    text = request_id if request_id.isascii() else quote(request_id, safe=" !#$&'()*+,/:;=?@[]~%")
    return (b"x-request-id", text.encode("ascii"))


def _content_type(value: bytes) -> bytes:
    return value.partition(b";")[0].strip().lower()


def _check_content_type(value: bytes, *, or_arrow: bool) -> None:
    if value == JSON or _content_type(value) == JSON or (or_arrow and _content_type(value) == ARROW):
        return
    which, more = (" or an Arrow stream", f" or '{ARROW.decode()}'") if or_arrow else ("", "")
    message = f"the body must be JSON{which}: send the header 'Content-Type: application/json'{more}"
    raise HttpError(415, "unsupported_media_type", message)


def _check_content_encoding(value: bytes) -> None:
    codings = [coding.strip().lower() for coding in value.split(b",")]
    foreign = b", ".join(coding for coding in codings if coding not in (b"", b"identity"))
    if foreign:
        raise HttpError(
            415,
            "unsupported_content_encoding",
            f"the body is encoded as {header_text(foreign)}; send it as it is, without Content-Encoding",
            headers=[(b"accept-encoding", b"identity")],
        )


def _check_length(value: bytes, limit: int, cure: str) -> None:
    # The server has refused what is no number already; another server in front of this code need not.
    if not value.isdigit():
        raise HttpError(400, "invalid_http", "Content-Length is not a number", headers=[(b"connection", b"close")])
    if len(value) > _LENGTH_DIGITS or int(value) > limit:
        raise _too_large(limit, cure)


def _gone() -> HttpError:
    return HttpError(400, "client_disconnected", "the client went away before its request was complete")


def _too_large(limit: int, cure: str) -> HttpError:
    message, reason = f"the body is larger than {limit} bytes", "body_too_large"
    detail: list[Problem] = [{"loc": [], "msg": f"{message}; {cure}", "type": reason}]
    # The rest of the body is not read, so the connection cannot be used again.
    return HttpError(413, reason, message, detail, [(b"connection", b"close")])
