"""Two workers on one socket: each gets its part of the clients, and no client waits for it."""

import contextlib
import socket
import time
from pathlib import Path

import httpx
import pytest
from conftest import start_workers

pytestmark = pytest.mark.slow


@pytest.fixture
def server(home_with_model):
    running = start_workers(home_with_model, "2")
    yield running
    running.stop()


def open_sockets(pid):
    """How many sockets a process has open."""
    count = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed in this moment
            count += str(link.readlink()).startswith("socket:")
    return count


def test_sixteen_clients_that_come_together_are_shared(server):
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


def test_many_short_connections_are_not_held_up(server):
    """Each costs its worker half a millisecond: the 2,000 are done in seconds, by both."""
    started = time.perf_counter()
    for _ in range(2000):
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as client:
            client.sendall(b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")
    assert time.perf_counter() - started < 20
    assert httpx.get(f"{server.url}/ready").status_code == 200
