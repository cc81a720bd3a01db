"""Token authentication: compared in constant time, reloaded when the token's file changes."""

import base64
import binascii
import hmac
import logging
import time
from pathlib import Path

from churn.settings.bearer import TokenSettings, read_token_file
from serving.accept import prefers_html
from serving.messages import Headers, HttpError, Request

CHECK_SECONDS = 1.0
"""How often a token's file is checked, at most. Kubernetes puts a changed Secret there within a minute or so."""

log = logging.getLogger("churn.access")
_BEARER: Headers = [(b"www-authenticate", b"Bearer")]
_BASIC_TOO: Headers = [(b"www-authenticate", b'Basic realm="churn-api", charset="UTF-8"'), *_BEARER]
"""For what shows pages: a browser asks its reader. Where a page's script asks, its reader is left alone."""


class Token:
    """A token, which a client sends as a bearer token or as the password of HTTP Basic. Without a value nobody has it.

    Args:
        settings: the value at the start, and the file that it came from, if it came from one.
        name: the name of the token, for the answer to a client without it.

    """

    def __init__(self, settings: TokenSettings, name: str) -> None:
        self._name = name
        self._file = settings.file
        self._expected = _encoded(settings.value)
        self._version = _version(self._file)
        self._checked = time.monotonic()
        self._failed = False  # so that it is said once

    def require(self, request: Request) -> None:
        """Check the token of a request.

        Raises:
            HttpError: 401, the token is missing or wrong.
        """
        if self._file is not None and time.monotonic() - self._checked > CHECK_SECONDS:
            self._reload_if_changed(self._file)
        given = _given(request.header(b"authorization") or b"")
        # Constant time, so that an answer's delay does not tell how much of a guess was right.
        if given is None or self._expected is None or not hmac.compare_digest(given, self._expected):
            message = f"this route needs 'Authorization: Bearer <{self._name}>', or the token as password of HTTP Basic"
            challenges = _BASIC_TOO if prefers_html(request) else _BEARER
            raise HttpError(401, "unauthorized", message, headers=challenges)

    def _reload_if_changed(self, file: Path) -> None:
        self._checked = time.monotonic()
        version = _version(file)
        if version == self._version:
            self._failed = False
            return
        try:
            self._expected = _encoded(read_token_file(file))
        except (OSError, UnicodeDecodeError) as error:
            # A file that is away for a moment, while it is replaced, does not close the route.
            if not self._failed:
                reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
                log.warning("token not read again", extra={"token": self._name, "reason": reason})
            self._failed = True
            return
        self._version, self._failed = version, False
        if self._expected is None:
            log.warning("token file holds no token", extra={"token": self._name})
        else:
            log.info("token read again", extra={"token": self._name})


def _given(authorization: bytes) -> bytes | None:
    """The token in an `Authorization` header; None where it holds none. Basic's user name may be anything."""
    scheme, _, credentials = authorization.partition(b" ")
    if scheme.lower() == b"bearer":
        return credentials
    if scheme.lower() != b"basic":
        return None
    try:
        _, colon, password = base64.b64decode(credentials, validate=True).partition(b":")
    except binascii.Error:
        return None
    return password if colon else None


def _encoded(token: str | None) -> bytes | None:
    return None if token is None else token.encode()


def _version(file: Path | None) -> tuple[int, int, int] | None:
    if file is None:
        return None
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
