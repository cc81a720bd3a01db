"""Clients that are slow, silent, too many or gone: they are cut off, and nobody else waits for them."""

import asyncio
import contextlib
import json
import multiprocessing
import shutil
import time

import httpx
import pytest
from conftest import SAFE, Home, start_server, wait_until
from hostile import (
    GOOD,
    SECONDS,
    answers,
    check_answer,
    chunked,
    counted,
    open_connection,
    p99,
    raw,
    request,
    target_server,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def target(tmp_path_factory, trained_home):
    yield from target_server(tmp_path_factory, trained_home)


async def _trickle(server, sent, every):
    """Send a byte at a time until the server has had enough; what it said, and after how long."""
    reader, writer = await open_connection(server)
    started = time.perf_counter()
    answer = asyncio.create_task(reader.read())
    for byte in sent:
        if answer.done():
            break
        writer.write(bytes([byte]))
        await asyncio.sleep(every)
    received = await answer
    writer.close()
    return received, time.perf_counter() - started


@pytest.mark.parametrize(
    "sent",
    [request(body=GOOD)[:60], request(body=GOOD)[:-3], chunked(GOOD, end=b""), request("/health", b"x" * 99)[:-50]],
    ids=["head", "body", "chunks", "a body that nobody reads"],
)
def test_a_slow_sender_is_cut_off(target, sent):
    before = counted(target, "request_timeout")
    received, seconds = asyncio.run(_trickle(target, sent + b" " * 200, every=0.05))
    assert 0.9 * SECONDS < seconds < 3 * SECONDS
    for status, headers, body in answers(received):
        check_answer(status, headers, body)
        assert status in (408, 200)
    if received.startswith(b"HTTP/1.1 408"):
        assert counted(target, "request_timeout") == before + 1


@pytest.mark.parametrize("head", [request(length=100), chunked(end=b"")], ids=["length", "chunks"])
def test_a_sender_of_no_body_at_all_is_told_so(target, head):
    ((status, headers, body),) = answers(raw(target, head))
    check_answer(status, headers, body)
    assert status == 408


def test_a_connection_that_asks_nothing_is_closed_and_one_between_two_requests_is_not(target):
    async def run():
        silent, _ = await open_connection(target)
        reader, writer = await open_connection(target)
        for _ in range(2):
            writer.write(request("/health", method="GET"))
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(1.6 * SECONDS)
        assert await asyncio.wait_for(silent.read(), 1) == b""

    asyncio.run(run())


def test_an_answer_that_is_not_taken_is_thrown_away(target):
    """Enough batches at once to fill the buffers of the sockets, and a client that never reads."""
    batch = request("/predict/batch", json.dumps({"customers": [SAFE] * 2000}).encode())
    before = counted(target, "answer_not_taken")

    async def run():
        _, writer = await open_connection(target)
        for _ in range(40):
            writer.write(batch)
        await asyncio.sleep(0)
        await asyncio.wait_for(writer.drain(), 12)
        while True:
            writer.write(batch)
            await asyncio.wait_for(writer.drain(), 12)

    with pytest.raises(ConnectionError):
        asyncio.run(run())
    assert counted(target, "answer_not_taken") == before + 1


def test_aborted_uploads_leave_nothing_behind(target):
    async def run():
        for _ in range(50):
            _, writer = await open_connection(target)
            writer.write(request("/predict/batch", b" " * 100_000, length=200_000))
            await writer.drain()
            writer.transport.abort()

    before = counted(target, "client_disconnected")
    asyncio.run(run())
    wait_until(lambda: counted(target, "client_disconnected") > before, str)
    batch = {"customers": [SAFE]}
    assert httpx.post(f"{target.url}/predict/batch", json=batch).status_code == 200


async def _delays(server, seconds, path="/predict"):
    """A normal client's delays in seconds, one request after the other."""
    delays = []
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            started = time.perf_counter()
            answer = await (http.post(path, json=SAFE) if path == "/predict" else http.get(path))
            delays.append(time.perf_counter() - started)
            assert answer.status_code == 200
            await asyncio.sleep(0.005)
    return delays


def _slow_senders(server, number):
    """Keep so many connections busy with a byte now and then, for ever."""

    async def attacker(place):
        await asyncio.sleep(place / number)
        sent = request(body=GOOD)[:-3] if place % 2 else request(body=GOOD)[:60]
        while True:
            with contextlib.suppress(ConnectionError):
                await _trickle(server, sent + b" " * 200, every=0.2)

    async def attack():
        await asyncio.gather(*map(attacker, range(number)))

    asyncio.run(attack())


# Test runners have threads; the forked attacker takes nothing of theirs but this server's address.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_five_hundred_slow_senders_do_not_slow_a_normal_client(target):
    before = counted(target, "request_timeout")
    attack = multiprocessing.get_context("fork").Process(target=_slow_senders, args=(target, 500), daemon=True)
    attack.start()
    try:
        time.sleep(1.5)
        delays = asyncio.run(_delays(target, 2.5))
    finally:
        attack.terminate()
        attack.join()
    assert counted(target, "request_timeout") - before > 500
    assert len(delays) > 50
    assert p99(delays) < 0.1


@pytest.fixture(scope="module")
def tight(tmp_path_factory, trained_home):
    """A server of its own that takes little at once."""
    home = Home(tmp_path_factory.mktemp("tight") / "home", tmp_path_factory.mktemp("tight-store"))
    shutil.copytree(trained_home.path, home.path, ignore=shutil.ignore_patterns("logs"))
    limits = {"CONCURRENCY": 1, "PENDING_BYTES": 2**20, "BATCH_BYTES": 2**20, "CONNECTIONS": 60, "HEADER_BYTES": 1024}
    server = start_server(home, **{f"CHURN_MAX_{name}": str(limit) for name, limit in limits.items()})
    yield server
    server.stop()


def test_too_many_at_once_are_429_but_never_a_probe(tight):
    asyncio.run(_crowd(tight))
    assert counted(tight, "too_busy") > 0


def test_large_bodies_that_are_held_refuse_others_and_are_given_back(tight):
    asyncio.run(_held(tight, request("/predict/batch", b" " * 900_000, length=1_000_000)))


async def _crowd(server):
    async with httpx.AsyncClient(base_url=server.url, limits=httpx.Limits(max_connections=32), timeout=60) as http:
        posts = [http.post("/predict", json=SAFE) for _ in range(256)]
        probes = [http.get(path) for path in ("/health", "/ready", "/metrics", "/livez") for _ in range(8)]
        posted, probed = await asyncio.gather(asyncio.gather(*posts), asyncio.gather(*probes))
    assert {answer.status_code for answer in probed} == {200}
    assert {answer.status_code for answer in posted} <= {200, 429}
    for answer in posted:
        check_answer(answer.status_code, answer.headers, answer.content)
    refused = [answer for answer in posted if answer.status_code == 429]
    assert refused
    assert all(answer.headers["retry-after"] == "1" for answer in refused)


async def _held(server, upload):
    """While one client's large body is coming, another's is refused and small ones are not."""
    _, writer = await open_connection(server)
    writer.write(upload)
    await writer.drain()
    await asyncio.sleep(0.3)
    large = json.dumps({"customers": [SAFE] * 4000}).encode()
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
        refused = await http.post("/predict/batch", content=large)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert (await http.post("/predict", json=SAFE)).status_code == 200
        writer.transport.abort()
        await asyncio.sleep(0.3)
        assert (await http.post("/predict/batch", content=large)).status_code == 200


@pytest.mark.parametrize(("size", "status"), [(800, 200), (1100, 431), (15_000, 431), (20_000, 431)])
def test_a_head_over_the_limit_is_refused_however_it_arrives(tight, size, status):
    padded = request("/health", method="GET", headers=[b"x-padding: " + b"x" * (size - 100)])
    for pieces in ([padded], [padded[: size // 2], padded[size // 2 :]], [request("/health", method="GET") + padded]):
        *_, (answered, headers, body) = answers(raw(tight, *pieces))
        check_answer(answered, headers, body)
        assert answered == status


def test_a_connection_too_many_is_closed(tight):
    async def run():
        kept = [await open_connection(tight) for _ in range(60)]
        reader, _ = await open_connection(tight)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 1) == b""
        for _, writer in kept:
            writer.close()

    asyncio.run(run())
    wait_until(lambda: counted(tight, "too_many_connections") >= 1, str)
