"""Bearer-token authentication: compared in constant time, reloaded when the token's file changes."""

import hmac
import logging
import time
from pathlib import Path

from churn.settings.bearer import TokenSettings, read_token_file
from serving.messages import HttpError, Request

CHECK_SECONDS = 1.0
"""How often a token's file is checked, at most. Kubernetes puts a changed Secret there within a minute or so."""

log = logging.getLogger("churn.access")


class Token:
    """A bearer token. Without a value nobody has it.

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
        scheme, _, given = (request.header(b"authorization") or b"").partition(b" ")
        # Constant time, so that an answer's delay does not tell how much of a guess was right.
        if scheme.lower() != b"bearer" or self._expected is None or not hmac.compare_digest(given, self._expected):
            message = f"this route needs 'Authorization: Bearer <{self._name}>'"
            raise HttpError(401, "unauthorized", message, headers=[(b"www-authenticate", b"Bearer")])

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
        log.info("token read again", extra={"token": self._name})


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
