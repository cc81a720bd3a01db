"""What a Kubernetes Service and the kubelet do with two pods, as far as a lost worker is concerned, in this process.

- The Service: each new connection goes to one of the ready pods, picked at random, and stays there. Nothing is tried
  again: what the pod refuses or resets, the client sees refused or reset.
- The kubelet: it asks `/ready` every 5 s, and takes a pod out after two misses (k8s/deployment.yaml). A container that
  has ended it notices within a second (it lists the containers so often), takes the pod out, and starts it again.
"""

import asyncio
import contextlib
import random
import time

PERIOD_SECONDS, TIMEOUT_SECONDS, MISSES, LISTS_SECONDS = 5, 2, 2, 1


class Pod:
    """A service that is started again when it ends.

    Attributes:
        exit_codes: of each process that ended.
        start_seconds: how long each further start took until it was ready.

    """

    def __init__(self, server, begin):
        self.server = server
        self._begin = begin
        self.port = int(server.url.rpartition(":")[2])
        self.ready = True
        self.exit_codes = []
        self.start_seconds = []

    async def keep(self):
        """What the kubelet does, without end."""
        misses, probed = 0, time.monotonic()
        while True:
            await asyncio.sleep(LISTS_SECONDS)
            if (code := self.server.process.poll()) is not None:
                self.ready = False
                self.exit_codes.append(code)
                await self._start()
                misses = 0
            elif time.monotonic() - probed >= PERIOD_SECONDS:
                probed = time.monotonic()
                misses = 0 if await self._answers() else misses + 1
                self.ready = misses < MISSES

    async def _start(self):
        began = time.monotonic()
        self.server = self._begin(port=self.port)
        while not await self._answers():
            await asyncio.sleep(0.1)
        self.start_seconds.append(time.monotonic() - began)
        self.ready = True

    async def _answers(self):
        with contextlib.suppress(OSError):
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return b" 200 " in await ask(self.port, b"GET /ready HTTP/1.1\r\nhost: pod\r\n\r\n")
        return False


async def ask(port, request):
    """The first line of the answer on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await reader.readline()
    finally:
        writer.close()


async def serve(pods, rng=random):
    """Start the Service; returns its server, whose port clients use."""

    async def connect(reader, writer):
        try:
            pod = rng.choice([pod for pod in pods if pod.ready])
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", pod.port)
        except (OSError, IndexError):
            writer.transport.abort()
            return
        await asyncio.gather(_copy(reader, upstream_writer), _copy(upstream_reader, writer))

    return await asyncio.start_server(connect, "127.0.0.1", 0)


async def _copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
    except OSError:
        writer.transport.abort()
