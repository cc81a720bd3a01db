"""Two workers on one socket: each gets its part of the clients, and no client waits for it."""

import asyncio
import contextlib
import errno
import socket
import sys
import time
from pathlib import Path

import pytest
from conftest import start_workers

if sys.platform == "win32":
    pytest.skip("Windows has no uvloop, and one worker", allow_module_level=True)

from serving.upstream import uvloop as accepting


def open_sockets(pid):
    """How many sockets a process has open."""
    count = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed in this moment
            count += str(link.readlink()).startswith("socket:")
    return count


@pytest.mark.slow
def test_sixteen_clients_that_come_together_are_shared(home_with_model):
    server = start_workers(home_with_model, "2")
    try:
        address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        fewest = []
        for _ in range(5):
            before = [open_sockets(pid) for pid in server.worker_pids()]
            clients = [socket.create_connection(address) for _ in range(16)]
            time.sleep(0.3)
            after = [open_sockets(pid) for pid in server.worker_pids()]
            assert sum(after) - sum(before) == 16
            fewest.append(min(now - then for now, then in zip(after, before, strict=True)))
            for client in clients:
                client.close()
            time.sleep(0.3)
        assert sorted(fewest)[2] >= 3, f"{fewest} of 16: a machine that is busy may now and then do worse"
    finally:
        server.stop()


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)
        self.transport.close()


class Exhausted(socket.socket):
    """A listening socket to which the system once says that too many files are open."""

    refusals = 1

    def accept(self):
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def ask(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello")
    answer = await reader.read()
    writer.close()
    return answer


class Patient(accepting.SharingLoop):
    """Counts how often it lets others take connections."""

    pauses = 0

    def call_later(self, delay, callback, *arguments, **options):
        self.pauses += delay == accepting.SIT_OUT_SECONDS
        return super().call_later(delay, callback, *arguments, **options)


def run(work, listener):
    async def main():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Echo, sock=listener, backlog=2048, ssl=None)
        try:
            return await work(server, listener.getsockname()[1])
        finally:
            server.close()
            await server.wait_closed()

    listener.bind(("127.0.0.1", 0))
    with asyncio.Runner(loop_factory=Patient) as runner, listener:
        return runner.run(main())


def test_many_short_connections_are_not_held_up():
    async def work(_, port):
        answers = await asyncio.gather(*(ask(port) for _ in range(1000)))
        return answers, asyncio.get_running_loop().pauses

    answers, pauses = run(work, socket.socket())
    assert answers == [b"hello"] * 1000
    assert pauses < 500  # one at a time, with a pause after each, would be 1000


def test_too_many_open_files_is_a_pause_and_not_the_end(monkeypatch):
    monkeypatch.setattr(accepting, "RETRY_SECONDS", 0.1)

    async def work(_, port):
        return await asyncio.wait_for(ask(port), 5)

    assert run(work, Exhausted()) == b"hello"


def test_a_closed_server_takes_nobody():
    async def work(server, port):
        server.close()
        assert not server.is_serving()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(port), 0.3)
        return True

    assert run(work, socket.socket())
