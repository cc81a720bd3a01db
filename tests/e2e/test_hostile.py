"""Clients that send what they should not, over real sockets: they get a refusal, and nobody else notices."""

import contextlib
import json
import socket
import struct
import time

import httpx
import pytest
from conftest import SAFE, wait_until
from hostile import (
    BODIES,
    GOOD,
    RAW,
    answers,
    check_answer,
    chunked,
    counted,
    random_request,
    raw,
    request,
    target_server,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def target(tmp_path_factory, trained_home):
    yield from target_server(tmp_path_factory, trained_home)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_a_body_that_is_no_record_is_400(target, path, body):
    ((status, headers, answer),) = answers(raw(target, request(path, body, headers=[b"connection: close"])))
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
    wait_until(lambda: counted(target, reason) == before + 1, lambda: str(received))


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


def test_one_that_closes_its_side_after_two_requests_gets_both_answers(target):
    with socket.create_connection(("127.0.0.1", int(target.url.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall(request(body=GOOD) * 2)
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert [status for status, _, _ in answers(received)] == [200, 200]


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_what_is_no_http_after_requests_that_are_being_answered_leaves_no_error_in_the_log(target, before):
    """A scanner must not be able to fill a disk, whatever it sends at once, and however it leaves."""
    logged = target.log.read_text()
    for number in range(20):
        sent = request(body=GOOD) * before + b"no HTTP\r\n\r\n"
        with socket.create_connection(("127.0.0.1", int(target.url.rpartition(":")[2])), timeout=3) as connection:
            connection.sendall(sent)
            if number % 2:
                connection.recv(65536)
            else:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
    assert httpx.get(f"{target.url}/health").status_code == 200
    assert target.log.read_text() == logged


BUNDLE = request("/static_content/swagger-ui-bundle.js", method="GET")


@pytest.mark.parametrize(
    "sent",
    [
        request("/predict/batch", json.dumps({"customers": [SAFE] * 2000}).encode()) + request(body=GOOD),
        BUNDLE * 8,
    ],
    ids=["a batch and another", "more than the buffers take"],
)
def test_one_that_leaves_while_it_is_answered_leaves_no_error_in_the_log(target, sent):
    """Nor where it had asked for more: the server tells only the last request that its client is gone."""
    logged = target.log.read_text()
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", int(target.url.rpartition(":")[2])), timeout=3) as connection:
            connection.sendall(sent)
            time.sleep(0.03)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
    time.sleep(0.5)
    assert httpx.get(f"{target.url}/health").status_code == 200
    assert target.log.read_text() == logged


def test_what_is_no_http_in_the_middle_of_a_long_answer_adds_nothing_to_it(target):
    length = int(httpx.head(f"{target.url}/static_content/swagger-ui-bundle.js").headers["content-length"])
    assert length > 1_000_000
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(5)
        connection.connect(("127.0.0.1", int(target.url.rpartition(":")[2])))
        connection.sendall(BUNDLE * 8)  # more than the buffers of both sides hold
        received = connection.recv(4096)
        time.sleep(0.3)  # an answer is in its middle now
        connection.sendall(b"no HTTP\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            received += b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 200")
    assert len(received) < 8 * length
    assert b"HTTP/1.1 400" not in received


def test_an_upgrade_is_not_taken(target):
    headers = [
        b"connection: upgrade, close",
        b"upgrade: websocket",
        b"sec-websocket-key: eA==",
        b"sec-websocket-version: 13",
    ]
    ((status, *_),) = answers(raw(target, request("/health", method="GET", headers=headers)))
    assert status == 200


H2C = [b"connection: Upgrade, HTTP2-Settings", b"upgrade: h2c", b"http2-settings: AAMAAABk"]


@pytest.mark.parametrize("apart", [False, True], ids=["at once", "body later"])
@pytest.mark.parametrize(
    "sent", [request(body=GOOD, headers=H2C), chunked(GOOD, headers=H2C)], ids=["length", "chunks"]
)
def test_a_request_that_asks_for_http_2_is_answered_with_its_body(target, sent, apart):
    """As Java's clients ask, with each request."""
    head = sent.index(b"\r\n\r\n") + 4
    pieces = [sent[:head], sent[head:]] if apart else [sent]
    for _ in range(2):
        ((status, _, body),) = answers(raw(target, *pieces))
        assert status == 200, body


def test_what_follows_an_upgrade_is_its_body_and_no_request(target):
    hidden = b"GET /model HTTP/1.1\r\nhost: test\r\n\r\n"
    sent = request(body=hidden, headers=H2C)
    ((status, _, body),) = answers(raw(target, sent[: -len(hidden)], hidden))
    assert (status, b"not valid JSON" in body) == (400, True)


def test_connect_is_refused(target):
    ((status, *_),) = answers(
        raw(target, b"CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n" + request("/health", method="GET"))
    )
    assert status in (400, 405)


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
@pytest.mark.slow
def test_any_bytes_are_answered_refused_or_cut_off(target, seed):
    for answer in answers(raw(target, random_request(seed), wait=0.05)):
        check_answer(*answer)
