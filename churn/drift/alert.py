"""Drift alerts by HTTP POST, to a pager or a chat: once per window, with retries, bounded in time.

The token and the address (a webhook's path is a secret too) are in no message: failures are described in
words of our own, never by an exception's text.
"""

import asyncio
import hashlib
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from churn.drift.phrases import describe
from churn.drift.report import Report

ATTEMPTS = 5
ATTEMPT_SECONDS = 5.0
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 4.0
_TRY_AGAIN = frozenset({408, 425, 429})


@dataclass(frozen=True)
class Delivery:
    """Outcome of sending an alert.

    Attributes:
        key: idempotency key, equal for the same finding in the same window.
        delivered: whether the receiver took it, now or in an earlier run.
        attempts: number of attempts in this run.
        failures: number of failed attempts.
        detail: description of the outcome.

    """

    key: str
    delivered: bool
    attempts: int
    failures: int
    detail: str


class _TryAgain(Exception):
    """A failure that may pass."""


class _GiveUp(Exception):
    """A failure that will not pass."""


def alert_key(report: Report) -> str:
    """Idempotency key: one window with one set of drifted features is one alert."""
    names = sorted(feature.name for feature in report.comparison.drifted)
    return hashlib.sha256(" ".join([report.window.key, *names]).encode()).hexdigest()[:32]


def alert_body(report: Report) -> dict[str, Any]:
    """What is sent; `text` is what receivers in the manner of Slack show."""
    document = report.as_json()
    kept = ("created_utc", "model", "window", "drift", "drifted_features", "summary")
    features = [
        {"name": f.name, "score": f.score, "p_adjusted": f.p_adjusted, "what": describe(f)}
        for f in report.comparison.drifted
    ]
    return {"text": report.summary, "event": "churn.drift", **{name: document[name] for name in kept}} | {
        "features": features
    }


def send_alert(url: str, token: str | None, body: dict[str, Any], key: str) -> Delivery:
    """POST an alert; tried `ATTEMPTS` times with growing, random waits, so at most about 35 seconds.

    Args:
        url: of the receiver.
        token: sent as `Authorization: Bearer`, if there is one.
        body: sent as JSON.
        key: sent as `Idempotency-Key`.

    """
    headers = {"Idempotency-Key": key} | ({"Authorization": f"Bearer {token}"} if token else {})
    return asyncio.run(_send(url, headers, body, key))


async def _send(url: str, headers: dict[str, str], body: dict[str, Any], key: str) -> Delivery:
    attempts = 0

    def count(state: RetryCallState) -> None:
        nonlocal attempts
        attempts = state.attempt_number

    retrying = AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS) + wait_random(0, FIRST_WAIT_SECONDS),
        retry=retry_if_exception_type(_TryAgain),
        before=count,
        reraise=True,
    )
    host = urlsplit(url).hostname
    try:
        async with httpx.AsyncClient(timeout=ATTEMPT_SECONDS) as client:
            await retrying(_post, client, url, headers, body)
    except (_TryAgain, _GiveUp) as error:
        times = f"{attempts} attempt{'s' if attempts > 1 else ''}"
        return Delivery(key, False, attempts, attempts, f"{host} did not take the alert in {times}: {error}")
    return Delivery(key, True, attempts, attempts - 1, f"{host} took the alert")


async def _post(client: httpx.AsyncClient, url: str, headers: dict[str, str], body: dict[str, Any]) -> None:
    """One attempt; redirects are not followed, so that the token goes nowhere else.

    Raises:
        _TryAgain, _GiveUp: it failed.
    """
    try:
        # httpx bounds each read; only this bounds an answer that comes a byte at a time.
        async with (
            asyncio.timeout(ATTEMPT_SECONDS),
            client.stream("POST", url, headers=headers, json=body) as response,
        ):
            status = response.status_code
    except (TimeoutError, httpx.TimeoutException):
        raise _TryAgain(f"no answer within {ATTEMPT_SECONDS:g} seconds") from None
    except (UnicodeEncodeError, httpx.LocalProtocolError):
        raise _GiveUp("MONITORING_TOKEN cannot be sent: it holds characters that no header may hold") from None
    except httpx.ConnectError as error:
        raise _TryAgain(_connect_problem(error)) from None
    except httpx.TransportError as error:
        raise _TryAgain(f"the connection broke ({type(error).__name__})") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _GiveUp(f"CHURN_ALERT_URL cannot be used ({type(error).__name__})") from None
    if status in _TRY_AGAIN or status >= 500:
        raise _TryAgain(f"it answered {status}")
    if not 200 <= status < 300:
        raise _GiveUp(f"it answered {status}; check CHURN_ALERT_URL and MONITORING_TOKEN")


def _connect_problem(error: httpx.ConnectError) -> str:
    causes: BaseException | None = error
    while causes is not None:
        if isinstance(causes, ssl.SSLError):
            return f"its certificate was not accepted ({causes.reason or 'TLS'})"
        causes = causes.__cause__ or causes.__context__
    return "no connection: the host is not known, or nothing listens there"
