"""Clients that send what they should not, over real sockets: they get a refusal, and nobody else notices."""

import asyncio
import contextlib
import json
import multiprocessing
import shutil
import socket
import statistics
import time
from pathlib import Path

import httpx
import pytest
from conftest import SAFE, Home, start_server, wait_until
from hostile import (
    BODIES,
    GOOD,
    RAW,
    answers,
    check_answer,
    chunked,
    random_request,
    raw,
    request,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SECONDS = 1.0


@pytest.fixture(scope="module")
def target(tmp_path_factory, trained_home):
    """A server of its own with a short time limit, whose log must stay clean."""
    home = Home(tmp_path_factory.mktemp("target") / "home", tmp_path_factory.mktemp("target-store"))
    shutil.copytree(trained_home.path, home.path, ignore=shutil.ignore_patterns("logs"))
    server = start_server(home, CHURN_REQUEST_SECONDS=str(SECONDS), MONITORING_TOKEN="monitoring-secret")
    yield server
    assert server.process.poll() is None
    server.stop()
    log = server.log.read_text()
    assert "Traceback" not in log
    assert '"level": "ERROR"' not in log


def counted(server, reason):
    rows = httpx.get(f"{server.url}/metrics").text.splitlines()
    name = f'churn_rejected_requests_total{{reason="{reason}"}}'
    return sum(float(row.split()[-1]) for row in rows if row.startswith(name))


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_a_body_that_is_no_record_is_400_at_once(target, path, body):
    started = time.perf_counter()
    ((status, headers, answer),) = answers(raw(target, request(path, body, headers=[b"connection: close"])))
    assert time.perf_counter() - started < 0.5
    check_answer(status, headers, answer)
    assert status == 400
    assert len(answer) < 20_000


@pytest.mark.parametrize("sent", RAW.values(), ids=RAW)
def test_what_is_not_a_proper_request_is_refused(target, sent):
    for status, headers, body in answers(raw(target, sent))[:1]:
        check_answer(status, headers, body)
        assert 400 <= status < 500
    assert httpx.get(f"{target.url}/health").status_code == 200


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("a long header", 431, "headers_too_large"),
        ("many headers", 431, "headers_too_large"),
        ("an endless trailer", 431, "headers_too_large"),
        ("a chunk with an endless extension", 431, "headers_too_large"),
        ("a length over the limit", 413, "body_too_large"),
        ("chunks over the limit", 413, "body_too_large"),
        ("a length that is no number", 400, "invalid_http"),
        ("TLS", 400, "invalid_http"),
        ("BentoML's pickles", 415, "unsupported_media_type"),
        ("a second content type", 415, "unsupported_media_type"),
    ],
)
def test_each_limit_has_its_status_and_is_counted_by_its_reason(target, name, status, reason):
    before = counted(target, reason)
    received = answers(raw(target, RAW[name]))
    assert [answer[0] for answer in received[:1]] in ([status], [])  # a client that is still sending may miss it
    wait_until(lambda: counted(target, reason) == before + 1, 3, lambda: str(received))


@pytest.mark.parametrize(
    "header",
    [b"a\tb", b"a" * 129, b"\xc3\xbc", b"", b"   ", b'"><script>'],
    ids=["tab", "long", "utf8", "0", "_", "html"],
)
def test_a_request_id_cannot_forge_a_header_or_a_journal_line(target, header):
    lines = len(target.home.journal_lines())
    sent = request(body=GOOD, headers=[b"x-request-id: " + header, b"connection: close"])
    ((status, headers, body),) = answers(raw(target, sent))
    assert status == 200
    assert headers["x-request-id"].isascii()
    assert headers["x-request-id"].isprintable()
    assert 1 <= len(headers["x-request-id"]) <= 128
    (line,) = target.home.journal_lines()[lines:]
    assert json.loads(line)["request_id"] == json.loads(body)["request_id"] == headers["x-request-id"]


def test_a_trailer_is_no_header(target):
    sent = chunked(GOOD, end=b"0\r\nx-request-id: from-a-trailer\r\n\r\n")
    ((status, headers, _), *_) = answers(raw(target, sent))
    assert status == 200
    assert headers["x-request-id"] != "from-a-trailer"


def test_a_client_that_closes_its_side_still_gets_its_answer(target):
    with socket.create_connection(("127.0.0.1", int(target.url.rpartition(":")[2])), timeout=3) as connection:
        connection.sendall(request(body=GOOD))
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert [status for status, _, _ in answers(received)] == [200]


def test_an_upgrade_is_not_taken(target):
    headers = [
        b"connection: upgrade, close",
        b"upgrade: websocket",
        b"sec-websocket-key: eA==",
        b"sec-websocket-version: 13",
    ]
    ((status, *_),) = answers(raw(target, request("/health", method="GET", headers=headers)))
    assert status == 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=12,
)
fields = st.dictionaries(st.sampled_from([*SAFE, "request_id", "customers", "more"]), json_values, max_size=7)
bodies = st.binary(max_size=200) | (json_values | fields | fields.map(lambda extra: SAFE | extra)).map(
    lambda value: json.dumps(value).encode()
)
wild = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def http(target):
    with httpx.Client(base_url=target.url) as client:
        yield client


@wild
@given(body=bodies, path=st.sampled_from(["/predict", "/predict/batch"]))
def test_any_body_is_answered_or_refused(http, body, path):
    answer = http.post(path, content=body)
    assert answer.status_code in (200, 400)
    check_answer(answer.status_code, answer.headers, answer.content)


@wild
@given(seed=st.integers(0, 2**32))
def test_any_bytes_are_answered_refused_or_cut_off(target, seed):
    for answer in answers(raw(target, random_request(seed), wait=0.05)):
        check_answer(*answer)


async def _open(server):
    host, _, port = server.url.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


async def _trickle(server, sent, every):
    """Send a byte at a time until the server has had enough; what it said, and after how long."""
    reader, writer = await _open(server)
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


def test_a_connection_that_asks_nothing_is_closed_and_one_between_two_requests_is_not(target):
    async def run():
        silent, _ = await _open(target)
        reader, writer = await _open(target)
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
        _, writer = await _open(target)
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
            _, writer = await _open(target)
            writer.write(request("/predict/batch", b" " * 100_000, length=200_000))
            await writer.drain()
            writer.transport.abort()

    before = counted(target, "client_disconnected")
    asyncio.run(run())
    wait_until(lambda: counted(target, "client_disconnected") > before, 3, str)
    batch = {"customers": [SAFE]}
    assert httpx.post(f"{target.url}/predict/batch", json=batch).status_code == 200


async def _delays(server, seconds, path="/predict"):
    """A normal client's delays in seconds, one request after the other."""
    delays = []
    async with httpx.AsyncClient(base_url=server.url) as http:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            started = time.perf_counter()
            answer = await (http.post(path, json=SAFE) if path == "/predict" else http.get(path))
            delays.append(time.perf_counter() - started)
            assert answer.status_code == 200
            await asyncio.sleep(0.005)
    return delays


def p99(delays):
    return statistics.quantiles(delays, n=100)[98]


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


@pytest.mark.slow
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
    limits = {"CONCURRENCY": 1, "PENDING_BYTES": 2**20, "BATCH_BYTES": 2**20, "CONNECTIONS": 60}
    server = start_server(home, **{f"CHURN_MAX_{name}": str(limit) for name, limit in limits.items()})
    yield server
    server.stop()


def test_too_many_at_once_are_429_but_never_a_probe(tight):
    asyncio.run(_crowd(tight))
    assert counted(tight, "too_busy") > 0


def test_large_bodies_that_are_held_refuse_others_and_are_given_back(tight):
    asyncio.run(_held(tight, request("/predict/batch", b" " * 900_000, length=1_000_000)))


async def _crowd(server):
    async with httpx.AsyncClient(base_url=server.url, limits=httpx.Limits(max_connections=32)) as http:
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
    _, writer = await _open(server)
    writer.write(upload)
    await writer.drain()
    await asyncio.sleep(0.3)
    large = json.dumps({"customers": [SAFE] * 4000}).encode()
    async with httpx.AsyncClient(base_url=server.url) as http:
        refused = await http.post("/predict/batch", content=large)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert (await http.post("/predict", json=SAFE)).status_code == 200
        writer.transport.abort()
        await asyncio.sleep(0.3)
        assert (await http.post("/predict/batch", content=large)).status_code == 200


def test_a_connection_too_many_is_closed(tight):
    async def run():
        kept = [await _open(tight) for _ in range(60)]
        reader, _ = await _open(tight)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 1) == b""
        for _, writer in kept:
            writer.close()

    asyncio.run(run())
    wait_until(lambda: counted(tight, "too_many_connections") >= 1, 3, str)


@pytest.mark.slow
def test_a_hundred_thousand_hostile_requests(home_with_model):
    server = start_server(home_with_model, CHURN_WORKERS="2")
    try:
        # A worker that is not up yet would have nothing in memory to come back to.
        wait_until(lambda: server.log.read_text().count("initialized") == 2, 30, server.log.read_text)
        asyncio.run(_assault(server, 20_000))  # what the first ones bring into memory for good
        pids, before = server.worker_pids(), _resident(server)
        statuses, delays = asyncio.run(_assault(server, 100_000))
        assert sum(statuses.values()) > 50_000
        assert set(statuses) <= {200, 400, 401, 404, 405, 408, 413, 415, 429, 431, 503}
        assert server.worker_pids() == pids
        assert "Traceback" not in server.log.read_text()
        assert p99(delays) < 0.1
        wait_until(lambda: _resident(server) < 1.1 * before, 30, lambda: f"{before} -> {_resident(server)} bytes")
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
            reader, writer = await _open(server)
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
