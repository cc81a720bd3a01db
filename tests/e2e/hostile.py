"""What a client may send that it should not, what the service may answer to it, and a server to send it to."""

import asyncio
import gzip
import json
import random
import re
import shutil
import socket
import statistics
import time

import httpx
from conftest import SAFE, Home, start_server

ALLOWED = {200, 400, 401, 404, 405, 408, 413, 415, 429, 431, 501, 503}
"""No 5xx but 501 and 503; the rest are refusals of ours."""
KIBI = 2**10
SECONDS = 1.0
"""The time limit for a request to `target_server`."""


def request(path="/predict", body=b"", method="POST", headers=(), length=None):
    """The bytes of a request; `headers` are lines."""
    size = len(body) if length is None else length
    head = [f"{method} {path} HTTP/1.1".encode(), b"host: test", b"content-length: %d" % size, *headers]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def chunked(*parts, end=b"0\r\n\r\n", path="/predict", headers=()):
    lines = [f"POST {path} HTTP/1.1".encode(), b"host: test", b"transfer-encoding: chunked", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + end


def record(**fields):
    return json.dumps(SAFE | fields).encode()


def with_value(text):
    """The good record with the JSON `text` where its sessions should be."""
    return record().replace(b'"avg_session_minutes": 60', b'"avg_session_minutes": ' + text)


GOOD = record()
BODIES = {
    "nothing": b"",
    "null": b"null",
    "an array": b"[1, 2]",
    "a number": b"7",
    "invalid UTF-8": record(region="EU").replace(b"EU", b"\xc3\x28"),
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-16 without a mark": GOOD.decode().encode("utf-16-be"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "UTF-32 without a mark": GOOD.decode().encode("utf-32-le"),
    "gzip": gzip.compress(GOOD),
    "two byte order marks": b"\xef\xbb\xbf" * 2 + GOOD,
    "a byte order mark in the middle": GOOD.replace(b" ", b"\xef\xbb\xbf"),
    "nothing but a byte order mark": b"\xef\xbb\xbf",
    "NaN": with_value(b"NaN"),
    "Infinity": with_value(b"-Infinity"),
    "an overflowing float": with_value(b"1e999"),
    "a huge integer": with_value(b"9" * 4000),
    "an integer past every limit": with_value(b"9" * 60_000),
    "a huge exponent": with_value(b"1E99999999999999999999"),
    "arrays in arrays": b"[" * 60_000,
    "objects in objects": b'{"a":' * 10_000,
    "a lone surrogate": record().replace(b"EU", b"\\ud800"),
    "a null byte": record(region="E\0U"),
    "a raw null byte": record().replace(b"EU", b"E\0U"),
    "control characters": record(plan_type="ba\x1b[31msic"),
    "a new line in an id": record(request_id='a\r\nx-forged: 1\r\n\r\n{"ts":1}\n'),
    "a line separator in an id": record(request_id="a\u2028b"),
    "a long id": record(request_id="a" * 129),
    "a name as long as the body": b'{"%s": 1}' % (b"k" * 60_000),
    "thousands of names": json.dumps({f"n{number}": 1 for number in range(5_000)}).encode(),
    "a name of an attribute": record(__class__="x", __init__={"a": 1}),
    "a string for a number": record(tenure_months="48"),
    "true for a number": record(tenure_months=True),
    "two documents": GOOD + GOOD,
    "a comment": b"/* */" + GOOD,
    "a pickle": b"\x80\x04\x95\x0c\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x93\x94.",
}
"""Bodies that are no valid customer, whatever the route."""

RAW = {
    "a wrong content type": request(body=GOOD, headers=[b"content-type: text/plain"]),
    "BentoML's pickles": request(body=BODIES["a pickle"], headers=[b"content-type: application/vnd.bentoml+pickle"]),
    "a second content type": request(body=GOOD, headers=[b"content-type: application/json", b"content-type: a/b"]),
    "two lengths": request(body=GOOD, headers=[b"content-length: 3"]),
    "length and chunks": request(body=GOOD, headers=[b"transfer-encoding: chunked"]),
    "a length that is no number": b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 1e3\r\n\r\n",
    "a negative length": b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
    "a length past every number": b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: " + b"9" * 400 + b"\r\n\r\n",
    "a length over the limit": request(body=b"", length=10**9),
    "a chunk size that is no number": chunked(end=b"zz\r\n\r\n"),
    "a chunk size past every number": chunked(end=b"f" * 40 + b"\r\n"),
    "a chunk with an endless extension": chunked(end=b"5;" + b"x" * 100_000),
    "an endless trailer": chunked(GOOD, end=b"0\r\nx-trailer: " + b"x" * 100_000),
    "chunks over the limit": chunked(*[b" " * 8 * KIBI] * 12),
    "a long header": request(body=GOOD, headers=[b"x-long: " + b"x" * 100_000]),
    "many headers": request(body=GOOD, headers=[b"x-%d: y" % number for number in range(10_000)]),
    "a long path": request(path="/" + "a" * 100_000),
    "a path to a file": request(method="GET", path="/static_content/../../../../etc/passwd"),
    "the same in percents": request(method="GET", path="/static_content/%2e%2e/%2e%2e/%2e%2e/etc/passwd"),
    "a path with a null byte": request(method="GET", path="/static_content/%00"),
    "a path that is not UTF-8": request(method="GET", path="/%ff%fe"),
    "raw bytes for a path": b"GET /\xff\xfe HTTP/1.1\r\nhost: a\r\n\r\n",
    "an unknown method": b"EVIL /predict HTTP/1.1\r\nhost: a\r\n\r\n",
    "a tunnel": b"CONNECT example.org:443 HTTP/1.1\r\nhost: a\r\n\r\n",
    "TRACE": request(method="TRACE", path="/health"),
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "two hosts": request(body=GOOD, headers=[b"host: other"]),
    "an old protocol": b"GET /predict\r\n\r\n",
    "a newer protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
    "a header without a name": b"GET /predict HTTP/1.1\r\n: x\r\n\r\n",
    "a header that is folded": b"GET /predict HTTP/1.1\r\nhost: a\r\n  folded\r\n\r\n",
    "bare line feeds": b"POST /predict HTTP/1.1\nhost: a\n\n",
    "a null byte in a header": b"GET /predict HTTP/1.1\r\nhost: a\0b\r\n\r\n",
}
"""Whole connections whose first answer is an error, or none because the server closed it."""


def raw(server, *sent, wait=10.0):
    """What the server answers to these pieces within `wait` seconds; nothing where it only closed the connection."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=wait) as connection:
        received = b""
        try:
            for piece in sent:
                connection.sendall(piece)
                if piece is not sent[-1]:
                    time.sleep(0.05)
            while part := connection.recv(64 * KIBI):
                received += part
                connection.settimeout(0.02)  # it keeps the connection open for another request
        except OSError:  # there is no more, or it closes on what is still coming
            pass
    return received


def answers(received):
    """The answers in the bytes of a connection: status, headers, body."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        size = int(headers.get("content-length", 0))
        if first.startswith("HTTP/1.1 100"):
            size = 0
        else:
            found.append((int(first.split()[1]), headers, rest[:size]))
        received = rest[size:]
    return found


def check_answer(status, headers, body):
    """It is one of ours: an allowed status, the one shape, no traceback and nothing forged."""
    assert status in ALLOWED, (status, body[:300])
    assert b"Traceback" not in body
    assert "x-forged" not in headers
    if status >= 400 and body:
        error = json.loads(body)
        assert set(error) == {"error", "detail"}
        assert isinstance(error["error"], str)
        assert error["detail"]
        for problem in error["detail"]:
            assert set(problem) == {"loc", "msg", "type"}
    if status == 429:
        assert headers["retry-after"] == "1"


WORDS = re.findall(rb"[a-z_]+|[^a-z_]", b'{"tenure_months":48,"customers":[1.5e3],"region":"EU"}')


def random_request(seed) -> bytes:
    """One hostile request: a hand-picked one, one of these bent, or one put together by chance."""
    dice = random.Random(seed)  # noqa: S311 - to be the same again, not to be hard to guess
    kind = dice.random()
    if kind < 0.35:
        return request(body=dice.choice(list(BODIES.values())), path=dice.choice(["/predict", "/predict/batch"]))
    if kind < 0.5:
        return dice.choice(list(RAW.values()))
    if kind < 0.75:
        body = b"".join(dice.choices(WORDS, k=dice.randrange(40)))
        return request(body=body, path=dice.choice(["/predict", "/predict/batch", "/", "/drift", "/model"]))
    sent = bytearray(request(body=GOOD, headers=[b"content-type: application/json", b"x-request-id: a"]))
    for _ in range(dice.randrange(1, 6)):
        place = dice.randrange(len(sent))
        if dice.random() < 0.5:
            sent[place] = dice.randrange(256)
        else:
            del sent[place : place + dice.randrange(1, 20)]
    return bytes(sent)


def target_server(tmp_path_factory, trained_home):
    """A server of its own with a short time limit, whose log must stay clean."""
    home = Home(tmp_path_factory.mktemp("target") / "home", tmp_path_factory.mktemp("target-store"))
    shutil.copytree(trained_home.path, home.path, ignore=shutil.ignore_patterns("logs"))
    server = start_server(home, CHURN_REQUEST_SECONDS=str(SECONDS), MONITORING_TOKEN="monitoring-secret")
    yield server
    assert server.process.poll() is None
    server.stop()
    log = server.log.read_text()
    assert "Traceback" not in log, log
    assert '"level": "ERROR"' not in log, log


def counted(server, reason):
    rows = httpx.get(f"{server.url}/metrics").text.splitlines()
    name = f'churn_rejected_requests_total{{reason="{reason}"}}'
    return sum(float(row.split()[-1]) for row in rows if row.startswith(name))


async def open_connection(server):
    host, _, port = server.url.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


def p99(delays):
    return statistics.quantiles(delays, n=100)[98]
