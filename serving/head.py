"""Validation of a request's head (`Host`, `Transfer-Encoding`), and the removal of its upgrade."""

import re

from serving.messages import Headers, HttpError, header_text

_HOST = re.compile(
    # RFC 3986, 3.2.2 and 3.2.3; it may be empty (RFC 9112, 3.2).
    rb"(?:\[[0-9A-Za-z:.%_~-]+\]|(?:[0-9A-Za-z._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
)


def check_head(headers: Headers, http_version: str) -> bytes | None:
    """The value of `Host`; None where there is none, which HTTP/1.0 allows.

    Raises:
        HttpError: 400 where it is missing, there twice or no host (RFC 9112, 3.2); 501 where the body is transferred
            otherwise than in plain chunks (RFC 9112, 6.1).
    """
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1:
        raise _invalid(f"the request has {len(hosts)} Host headers; send one")
    if not hosts and http_version == "1.1":
        raise _invalid("the request has no Host header, which HTTP/1.1 asks for")
    if hosts and _HOST.fullmatch(hosts[0].rstrip(b" \t")) is None:
        raise _invalid(f"the Host header {header_text(hosts[0])!r} is no host with an optional port")
    for name, value in headers:
        if name == b"transfer-encoding":
            _check_coding(value)
    return hosts[0] if hosts else None


def head_without_upgrade(method: str, url: bytes, http_version: str, headers: Headers) -> bytes:
    """The bytes of a head that asks for no upgrade."""
    head = [f"{method} ".encode(), url, f" HTTP/{http_version}\r\n".encode()]
    for name, value in headers:
        if name == b"connection":
            kept = b",".join(token for token in value.split(b",") if token.strip().lower() != b"upgrade")
            head += [b"connection: ", kept, b"\r\n"] if kept else []
        elif name != b"upgrade":
            head += [name, b": ", value, b"\r\n"]
    return b"".join([*head, b"\r\n"])


def _check_coding(value: bytes) -> None:
    codings = [coding.strip().lower() for coding in value.split(b",")]
    foreign = b", ".join(coding for coding in codings if coding not in (b"", b"chunked"))
    if foreign:
        message = f"the transfer coding {header_text(foreign)} is not supported; send 'Transfer-Encoding: chunked'"
        raise HttpError(501, "unsupported_transfer_coding", f"{message} or a Content-Length")


def _invalid(message: str) -> HttpError:
    return HttpError(400, "invalid_http", message)
