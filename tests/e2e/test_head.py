"""`Host` and `Transfer-Encoding`, over real sockets."""

import pytest
from hostile import GOOD, answers, check_answer, chunked, counted, raw

HEALTH = b"GET /health HTTP/%s\r\n%s\r\n"


def asked(server, version, *hosts):
    """The answer to `GET /health` with these Host headers, on a connection that would be kept."""
    lines = [b"host: " + host + b"\r\n" for host in hosts]
    return answers(raw(server, HEALTH % (version, b"".join(lines))))


@pytest.mark.parametrize(
    ("version", "hosts"),
    [(b"1.1", []), (b"1.1", [b"a", b"a"]), (b"1.1", [b"a", b"b"]), (b"1.0", [b"a", b"b"])]
    + [
        (version, [host])
        for version in (b"1.0", b"1.1")
        for host in (b"a b", b"a/b", b"user@a", b"a, b", b"a:b", b"[::1", b"a%zz", b"\xc3\xbc", b"a:1:2", b"http://a")
    ],
)
def test_a_request_without_one_valid_host_is_400(server, version, hosts):
    before = counted(server, "invalid_http")
    ((status, headers, body),) = asked(server, version, *hosts)
    check_answer(status, headers, body)
    assert (status, headers["connection"]) == (400, "close")
    assert b"Host" in body
    assert counted(server, "invalid_http") == before + 1


@pytest.mark.parametrize(
    "host",
    [b"", b"a", b"A-b_c.example.", b"a:80", b"a:", b"127.0.0.1:3000", b"[::1]:80", b"[fe80::1%25en0]", b"a%20b \t"],
)
def test_a_host_may_be_a_name_an_address_or_empty(server, host):
    assert [answer[0] for answer in asked(server, b"1.1", host)] == [200]


def test_http_1_0_needs_no_host(server):
    assert [answer[0] for answer in asked(server, b"1.0")] == [200]


def test_each_request_of_a_connection_needs_its_own_host(server):
    good, bad = HEALTH % (b"1.1", b"host: a\r\n"), HEALTH % (b"1.1", b"")
    other, twice = HEALTH % (b"1.1", b"host: b\r\n"), HEALTH % (b"1.1", b"host: a\r\n" * 2)
    for sent, statuses in [([good, other, good], [200] * 3), ([good, bad], [200, 400]), ([good, twice], [200, 400])]:
        assert [answer[0] for answer in answers(raw(server, *sent))] == statuses


def test_a_host_in_a_trailer_is_none(server):
    """Neither of this request nor of the next."""
    trailed = chunked(GOOD, end=b"0\r\nhost: a b\r\nhost: c\r\n\r\n")
    received = answers(raw(server, trailed, HEALTH % (b"1.1", b"host: a b\r\n")))
    assert [answer[0] for answer in received] == [200, 400]
    received = answers(raw(server, trailed, HEALTH % (b"1.1", b"")))
    assert [answer[0] for answer in received] == [200, 400]


def transferred(*codings, path="/predict"):
    """A request in chunks that declares these transfer codings, a line each."""
    lines = b"".join(b"\r\ntransfer-encoding: " + coding for coding in codings)
    return chunked(GOOD, path=path).replace(b"\r\ntransfer-encoding: chunked", lines)


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/nothing"])
@pytest.mark.parametrize(
    ("codings", "named"),
    [
        ([b"gzip, chunked"], b"gzip"),
        ([b"GZip,Chunked"], b"gzip"),
        ([b"gzip", b"chunked"], b"gzip"),
        ([b"deflate, gzip, chunked"], b"deflate, gzip"),
        ([b"identity, chunked"], b"identity"),
        ([b"gzip"], b"gzip"),
    ],
)
def test_a_transfer_coding_other_than_chunked_is_501(server, path, codings, named):
    before = counted(server, "unsupported_transfer_coding")
    ((status, headers, body),) = answers(raw(server, transferred(*codings, path=path)))
    check_answer(status, headers, body)
    assert (status, headers["connection"]) == (501, "close")
    assert b"the transfer coding %s is not supported" % named in body
    assert counted(server, "unsupported_transfer_coding") == before + 1


@pytest.mark.parametrize("codings", [[b"chunked"], [b"Chunked"], [b"chunked "], [b", chunked"]])
def test_chunks_are_taken_however_they_are_declared(server, codings):
    assert [answer[0] for answer in answers(raw(server, transferred(*codings)))] == [200]


@pytest.mark.parametrize("codings", [[b"chunked, gzip"], [b"chunked, chunked"], [b"chunked", b"chunked"], [b""]])
def test_a_body_whose_end_nobody_can_tell_is_400(server, codings):
    """RFC 9112, 6.3: `chunked` has to be the last coding, once."""
    ((status, headers, body),) = answers(raw(server, transferred(*codings)))
    check_answer(status, headers, body)
    assert (status, headers["connection"]) == (400, "close")
