"""uvicorn 0.54 (with httptools 0.9): its connection, with limits on heads, on time, and on how many there are.

uvicorn bounds neither the size of a request's head, nor the time in which a request must arrive, nor the time in which
its answer must be taken. What is added here costs a request about 1.5 us: no timer is started for it. Instead all
connections are checked a few times in `request_seconds`.

What uvicorn does not promise and is used here: `uvicorn.config.HTTP_PROTOCOLS["auto"]` is replaced; of
`HttpToolsProtocol` the methods below are overridden, `_start_asgi_task`, `_unset_keepalive_if_required` and
`_should_upgrade` among them, and its attributes read (`cycle`, `flow`, `scope`, `parser`, `connections`).

What would let it go, part by part:

- limits of head, time and connections (SECURITY.md): settings of uvicorn's for them;
- upgrades (`_go_on_without_upgrade`): uvicorn drops the body of a request that asks for h2c (Kludex/uvicorn 2722);
- trailers (`on_chunk_header`): uvicorn adds them to the headers of the request;
- half-close (`eof_received`): uvicorn cuts off a client that has closed its side, its answer still to come;
- pipelining (`_answering`): uvicorn keeps only the last request that came, and tells only that one of a lost client.

Each has its test in tests/e2e (test_slow_clients.py, test_head.py, test_hostile.py).
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import httptools
import uvicorn.config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from churn.settings import LimitSettings
from serving.head import check_head, head_without_upgrade
from serving.messages import HttpError, overdue

PIECE_BYTES = 16 * 2**10
"""The size of a head is checked after so many bytes, at the latest."""
_NOTHING = object()  # not the connection itself: one that refers to itself waits for the garbage collector
_INVALID = "invalid http request received"
_CHECKS = 8  # in `request_seconds`: a connection is closed at most an eighth of it late
SHARE_SECONDS = 0.0005
"""How long a worker waits with each new connection where several listen on one socket.

The one that is awake would take them all: of 16 clients that came together, the other of two workers got 1 (median of
20 rounds), and 7 where each waits so long. Only new connections cost it, and only with `CHURN_WORKERS` over 1.
"""


def limit_connections(limits: LimitSettings, rejected: Callable[[str], None], *, shared: bool) -> None:
    """Have the server make connections with limits. To be called before it is started.

    Args:
        limits: of each connection, and of their number.
        rejected: called with the reason of each request or connection that is not served.
        shared: whether other processes take connections from the same socket.

    """
    guard = Guard(limits, rejected, shared=shared)
    uvicorn.config.HTTP_PROTOCOLS["auto"] = guard.connection  # type: ignore[assignment]  # not only names are taken


type ServersOwn = Any
"""What the server hands to its connections, and these hand on."""


class Guard:
    """What the connections of one process share: the limits, and the timer by which they are checked."""

    def __init__(self, limits: LimitSettings, rejected: Callable[[str], None], *, shared: bool) -> None:
        self.limits = limits
        self.rejected = rejected
        self.shared = shared
        self._checking = False

    def connection(self, **arguments: ServersOwn) -> "Connection":
        """A connection with this guard."""
        return Connection(self, **arguments)

    def watch(self, connections: "set[Connection]") -> None:
        """Check these connections from now on; a second call changes nothing."""
        if not self._checking:
            self._checking = True
            asyncio.get_running_loop().call_later(self.limits.request_seconds / _CHECKS, self._check, connections)

    def _check(self, connections: "set[Connection]") -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(connections):
            connection.check(now)
        loop.call_later(self.limits.request_seconds / _CHECKS, self._check, connections)


class Connection(HttpToolsProtocol):
    """The server's connection, with limits. What runs for each request names its base: `super()` costs more."""

    # With these among the server's own, an object has more attributes than Python (3.12) looks up quickly: 30.
    __slots__ = (
        "_answering",
        "_guard",
        "_head_limit",
        "_host",
        "_hosts",
        "_seen",
        "_seen_since",
        "_unsent_since",
        "_unused",
        "_unusual",
        "_whole",
    )

    def __init__(self, guard: Guard, **arguments: ServersOwn) -> None:
        super().__init__(**arguments)
        self._guard = guard
        self._head_limit = guard.limits.header_bytes
        self._unused = 0  # bytes since a message ended or gave a part of its body: a head, a trailer, a chunk's frame
        self._hosts = 0  # how many the head has
        self._host: bytes | None = None  # the last one that was checked: nearly always the next one too
        self._unusual = False  # whether the head has another host, or a transfer coding
        self._whole: object = None  # the scope of the last request that has arrived whole
        self._seen: object = _NOTHING  # the scope, at the last check, of a request that had not
        self._seen_since = 0.0
        self._unsent_since: float | None = None
        self._answering: RequestResponseCycle | None = None  # `cycle` is the last that came, which may have to wait

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refuse one connection too many."""
        if self._guard.shared:
            time.sleep(SHARE_SECONDS)  # the whole process, on purpose: another one takes the next connection
        super().connection_made(transport)
        self._guard.watch(self.connections)  # type: ignore[arg-type]  # all of them are made by `Guard.connection`
        if len(self.connections) > self._guard.limits.connections:
            self._guard.rejected("too_many_connections")
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse in pieces, so that a head is refused soon after it is too large, however it arrives."""
        if len(data) <= PIECE_BYTES:
            self._unused += len(data)
            self._parse(data)
            if self._unused > self._head_limit and not self.transport.is_closing():
                self._refuse(_head_too_large(self._head_limit))
            return
        view = memoryview(data)
        for start in range(0, len(data), PIECE_BYTES):
            if self.transport.is_closing():
                return
            self.data_received(view[start : start + PIECE_BYTES])  # type: ignore[arg-type]  # any buffer will do

    def _parse(self, data: bytes) -> None:
        """What the server's own `data_received` does, but for upgrades and for what a callback refused."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, HttpError) else HttpError(400, "invalid_http", _INVALID))

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Read the request again as one that asks for no upgrade: the parser takes its body for another protocol.

        Java's clients ask for HTTP/2 in this way with every request, and answer to being ignored.
        """
        method = self.scope["method"]
        if method == "CONNECT":  # which is an upgrade by itself
            self._refuse(HttpError(405, "method_not_allowed", "CONNECT is not allowed here"))
            return
        head = head_without_upgrade(method, self.url, self.scope["http_version"], self.headers)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as the server does
        self._parse(head + rest)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, as the server's own method does, and mark what the head is to be checked for."""
        name = name.lower()
        if name == b"host":
            self._hosts += 1
            if value != self._host:
                self._unusual = True
        elif name == b"transfer-encoding":
            self._unusual = True
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head has arrived whole."""
        may_be_large = self._unused > self._head_limit or self._head_limit < PIECE_BYTES
        if may_be_large and self._head_bytes() > self._head_limit:
            raise _head_too_large(self._head_limit)
        if self._unusual or self._hosts != 1:
            self._host = check_head(self.headers, self.parser.get_http_version())
        HttpToolsProtocol.on_headers_complete(self)

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_chunk_header(self) -> None:
        """Part with the headers: one that follows the body (a trailer) must not pass for one that was checked."""
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._unused = 0
        HttpToolsProtocol.on_body(self, body)

    def on_message_complete(self) -> None:
        """The request has arrived whole."""
        self._unused = self._hosts = 0
        self._unusual = False
        self._whole = self.scope
        HttpToolsProtocol.on_message_complete(self)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a client that says it sends nothing more: the server would cut it off, its answer still to come."""
        cycle = self.cycle
        if cycle is not None and self.scope is self._whole and not cycle.response_complete:
            cycle.keep_alive = False
            return True
        self._forget_client()
        return False

    def _forget_client(self) -> None:
        # Between the end of a transport and `connection_lost`, a write to it would be an error in the log.
        if self._answering is not None:
            self._answering.disconnected = True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ServersOwn) -> None:
        self._answering = cycle
        HttpToolsProtocol._start_asgi_task(self, cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the request that is being answered: the server ends only the last of several that came together."""
        if self._answering is not None and self._answering is not self.cycle:
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def _abort(self) -> None:
        self._forget_client()
        self.transport.abort()

    def _should_upgrade(self) -> bool:
        """Have the server leave the request alone, which is then read without the upgrade."""
        return True

    def check(self, now: float) -> None:
        """Close the connection if its request, or the taking of its answer, lasts too long.

        Args:
            now: the event loop's time, seconds.

        """
        limit = self._guard.limits.request_seconds
        if self.transport.get_write_buffer_size() == 0:
            self._unsent_since = None
        elif self._unsent_since is None:
            self._unsent_since = now
        elif now - self._unsent_since >= limit:
            self._guard.rejected("answer_not_taken")
            self._abort()
            return
        waits_for_us = self.flow.read_paused or (self.scope is not None and self.scope is self._whole)
        if waits_for_us or self.transport.is_closing():
            self._seen = _NOTHING
        elif self._seen is not self.scope:
            self._seen, self._seen_since = self.scope, now
        elif now - self._seen_since >= limit:
            self._end_overdue()

    def _end_overdue(self) -> None:
        if self.scope is None:  # it was opened, and nothing was asked
            self.transport.close()
        elif "path" not in self.scope:
            self._refuse(overdue(self._guard.limits.request_seconds))
        elif "overdue" not in self.scope and not self.cycle.response_started:
            self.scope["overdue"] = self._guard.limits.request_seconds  # type: ignore[typeddict-unknown-key]
            self.cycle.message_event.set()  # its handler finds it there, and answers
        else:
            self._abort()

    def _refuse(self, error: HttpError) -> None:
        """Answer in the one shape of every error, and close."""
        self._guard.rejected(error.reason)
        answering = self._answering
        if answering is not None and answering.response_started and not answering.response_complete:
            self._abort()  # in the middle of another answer, this one would be read as a part of it
            return
        answer = error.response()
        head = [
            STATUS_LINE[answer.status],
            b"content-type: ",
            answer.content_type,
            b"\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(answer.body),
        ]
        self._forget_client()
        with contextlib.suppress(RuntimeError):  # the transport may be closing already
            self.transport.write(b"".join(head) + answer.body)
        self.transport.close()


def _head_too_large(limit: int) -> HttpError:
    return HttpError(431, "headers_too_large", f"the request's head is larger than {limit} bytes")
