"""How workers that share one listening socket share the clients that connect to it.

libuv takes all connections that are waiting when it looks, so the worker that wakes up first has them all: of 16
clients of two workers, often none is the other's. Here a worker that has taken one sits out for a moment, in which
the others can take theirs. Where connections still wait when it comes back, it takes one more than the last time,
so that many short connections are not held up.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import uvicorn.config
import uvloop

SIT_OUT_SECONDS = 0.002
"""In which another process wakes up and has its turn, even where all cores are busy."""
RETRY_SECONDS = 1.0
"""How long no connection is taken after the system has refused one, as where too many files are open."""

type Factory = Callable[[], asyncio.BaseProtocol]


def share_connections() -> None:
    """Have the server leave connections to others. To be called before the server is started."""
    uvicorn.config.LOOP_FACTORIES["auto"] = lambda **_: SharingLoop  # type: ignore[assignment]  # not only names are taken


class SharingLoop(uvloop.Loop):
    """uvloop's event loop, which shares its listening sockets with other processes."""

    async def create_server(  # type: ignore[override]  # of uvloop's many arguments, those that the server gives
        self,
        protocol_factory: Factory,
        *,
        sock: socket.socket,
        backlog: int,
        **options: Any,  # noqa: ANN401 - the server's own, handed on
    ) -> asyncio.AbstractServer:
        """Take connections from a bound socket."""
        return _InTurns(self, protocol_factory, sock, backlog, options)


class _InTurns(asyncio.AbstractServer):
    """Takes connections, then lets others take theirs."""

    def __init__(
        self,
        loop: SharingLoop,
        factory: Factory,
        sock: socket.socket,
        backlog: int,
        options: dict[str, Any],
    ) -> None:
        self._loop, self._factory, self._options = loop, factory, options
        self._socket = sock
        self._at_once = 1
        self._resumed = 0.0
        self._opening: set[asyncio.Task[Any]] = set()
        self._closed = False
        sock.setblocking(False)
        sock.listen(backlog)
        loop.add_reader(sock, self._take)

    def _take(self) -> None:
        pause = SIT_OUT_SECONDS
        if self._loop.time() - self._resumed > SIT_OUT_SECONDS:
            self._at_once = 1  # none was waiting when it came back
        try:
            for _ in range(self._at_once):
                self._begin(self._socket.accept()[0])
            self._at_once += 1
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            self._at_once = 1  # none is left, or its client has left
        except OSError:
            pause = RETRY_SECONDS
        self._loop.remove_reader(self._socket)
        self._loop.call_later(pause, self._resume)

    def _begin(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        opening = self._loop.create_task(self._open(connection))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._factory, connection, **self._options)
        except OSError:  # the client has left, or its TLS was wrong
            connection.close()

    def _resume(self) -> None:
        if not self._closed:
            self._resumed = self._loop.time()
            self._loop.add_reader(self._socket, self._take)

    def close(self) -> None:
        """Take no more connections; those that were taken go on."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._socket)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The event loop."""
        return self._loop

    def is_serving(self) -> bool:
        """Whether connections are taken."""
        return not self._closed

    async def wait_closed(self) -> None:
        """The server waits for its connections itself."""

    async def start_serving(self) -> None:
        """It serves from the start."""

    async def serve_forever(self) -> None:
        """Not used: the server has a loop of its own."""
        raise NotImplementedError
