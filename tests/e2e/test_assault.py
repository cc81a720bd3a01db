"""A hundred thousand hostile requests, and a service that is afterwards what it was before."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest
from conftest import start_workers, wait_until
from hostile import answers, check_answer, open_connection, p99, random_request


@pytest.mark.slow
def test_a_hundred_thousand_hostile_requests(home_with_model):
    # A worker that is not up yet would have nothing in memory to come back to.
    server = start_workers(home_with_model, "2")
    try:
        asyncio.run(_assault(server, 20_000))  # what the first ones bring into memory for good
        pids, before = server.worker_pids(), _resident(server)
        statuses, delays = asyncio.run(_assault(server, 100_000))
        assert sum(statuses.values()) > 50_000
        assert set(statuses) <= {200, 400, 401, 404, 405, 408, 413, 415, 429, 431, 501, 503}
        assert server.worker_pids() == pids
        assert "Traceback" not in server.log.read_text()
        assert p99(delays) < 0.1
        wait_until(lambda: _resident(server) < 1.1 * before, lambda: f"{before} -> {_resident(server)} bytes")
    finally:
        server.stop()


def _resident(server):
    """Bytes of the workers' memory, shared parts counted once."""
    rows = [row for pid in server.worker_pids() for row in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
    return 1024 * sum(int(row.split()[1]) for row in rows if row.startswith("Pss:"))


async def _assault(server, number):
    statuses, numbers = {}, iter(range(number))

    async def attacker():
        for seed in numbers:
            reader, writer = await open_connection(server)
            try:
                writer.write(random_request(seed))
                received = await asyncio.wait_for(reader.read(65536), 0.2)  # there may be nothing to answer yet
            except (ConnectionError, TimeoutError):
                received = b""
            finally:
                writer.transport.abort()
            for answer in answers(received):
                check_answer(*answer)
                statuses[answer[0]] = statuses.get(answer[0], 0) + 1

    async def probe(attack):
        delays = []
        async with httpx.AsyncClient(base_url=server.url) as http:
            while not attack.done():
                started = time.perf_counter()
                assert (await http.get("/health", timeout=5)).status_code == 200
                delays.append(time.perf_counter() - started)
                await asyncio.sleep(0.02)
        return delays

    attack = asyncio.gather(*(attacker() for _ in range(16)))
    delays = await probe(attack)
    await attack
    return statuses, delays
