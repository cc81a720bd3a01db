"""Alerts against a real receiver on loopback that fails, hangs, or dribbles."""

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from drift_samples import make_report

from churn.drift import alert
from churn.drift.alert import alert_body, alert_key, send_alert

pytestmark = pytest.mark.slow

TOKEN = "monitoring-s3cret"
BODY = {"text": "Drift"}


class Receiver:
    """Answers each request with the next of `answers`, the last one for ever; keeps what it was sent."""

    def __init__(self):
        self.answers = [200]
        self.requests = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((dict(self.headers), json.loads(body), time.monotonic()))
                answer = receiver.answers[min(len(receiver.requests), len(receiver.answers)) - 1]
                if callable(answer):
                    answer(self)
                    return
                self.send_response(answer)
                if answer in (301, 302, 307):
                    self.send_header("Location", f"{receiver.url}elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook/s3cret-path"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    running = Receiver()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(alert, "FIRST_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(alert, "LONGEST_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(alert, "ATTEMPT_SECONDS", 0.3)


def hang(_):
    time.sleep(0.6)


def dribble(handler):
    """A header byte at a time: each read is quick, the whole takes for ever."""
    for _ in range(10):
        handler.wfile.write(b"H")
        handler.wfile.flush()
        time.sleep(0.05)


def hang_up(handler):
    handler.connection.shutdown(socket.SHUT_RDWR)


def test_an_alert_carries_token_key_and_text(receiver):
    delivery = send_alert(receiver.url, TOKEN, BODY, "key-1")
    headers, body, _ = receiver.requests[0]
    assert (delivery.delivered, delivery.attempts, delivery.failures) == (True, 1, 0)
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["Idempotency-Key"] == "key-1"
    assert headers["Content-Type"] == "application/json"
    assert body == BODY


def test_without_a_token_there_is_no_authorization(receiver):
    assert send_alert(receiver.url, None, BODY, "k").delivered
    assert "Authorization" not in receiver.requests[0][0]


@pytest.mark.parametrize("failure", [500, 503, 429, 408, hang, dribble, hang_up])
def test_a_passing_failure_is_tried_again_with_the_same_key(receiver, failure):
    receiver.answers = [failure, failure, 204]
    delivery = send_alert(receiver.url, TOKEN, BODY, "k")
    assert (delivery.delivered, delivery.attempts, delivery.failures) == (True, 3, 2)
    assert {headers["Idempotency-Key"] for headers, _, _ in receiver.requests} == {"k"}


@pytest.mark.parametrize("answer", [400, 401, 404, 302])
def test_a_lasting_failure_is_not_tried_again(receiver, answer):
    receiver.answers = [answer]
    delivery = send_alert(receiver.url, TOKEN, BODY, "k")
    assert (delivery.delivered, delivery.attempts, delivery.failures) == (False, 1, 1)
    assert f"it answered {answer}; check CHURN_ALERT_URL and MONITORING_TOKEN" in delivery.detail
    assert len(receiver.requests) == 1, "a redirect would carry the token elsewhere"


@pytest.mark.parametrize(
    ("failure", "words"),
    [(500, "it answered 500"), (hang, "no answer within 0.3 seconds"), (dribble, "no answer within 0.3 seconds")],
)
def test_a_receiver_that_stays_down_is_given_up_in_bounded_time(receiver, failure, words):
    receiver.answers = [failure]
    started = time.monotonic()
    delivery = send_alert(receiver.url, TOKEN, BODY, "k")
    assert time.monotonic() - started < 6
    assert (delivery.delivered, delivery.attempts, delivery.failures) == (False, 5, 5)
    assert delivery.detail == f"127.0.0.1 did not take the alert in 5 attempts: {words}"


def test_nobody_listening_is_said_in_words():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    delivery = send_alert(f"http://127.0.0.1:{port}/s3cret-path", TOKEN, BODY, "k")
    assert delivery.failures == 5
    assert "nothing listens there" in delivery.detail


def test_waits_grow_and_are_random(receiver):
    receiver.answers = [500]
    gaps = []
    for _ in range(2):
        receiver.requests.clear()
        send_alert(receiver.url, TOKEN, BODY, "k")
        times = [moment for _, _, moment in receiver.requests]
        gaps.append(np.diff(times))
    assert all(gap[3] > gap[0] for gap in gaps)
    assert not np.allclose(gaps[0], gaps[1], rtol=1e-3)


@pytest.mark.parametrize("token", ["sécret-tökén", "line\nbreak-s3cret"])
def test_a_token_that_no_header_can_hold_is_not_shown(receiver, token):
    delivery = send_alert(receiver.url, token, BODY, "k")
    assert not delivery.delivered
    assert "MONITORING_TOKEN cannot be sent" in delivery.detail
    assert not any(token[at : at + 3] in delivery.detail.replace("cannot be sent", "") for at in range(len(token) - 2))


@pytest.mark.parametrize("failure", [500, 401, hang_up])
def test_no_message_shows_token_or_path(receiver, failure):
    receiver.answers = [failure]
    shown = repr(send_alert(receiver.url, TOKEN, BODY, "k"))
    assert "s3cret" not in shown
    assert TOKEN[:10] not in shown


def test_the_key_is_of_the_window_and_what_drifted():
    def report(seed, **changes):
        return make_report(np.random.default_rng(seed), **changes)

    quiet = report(1)
    drifted = report(1, tenure_months=np.full(500, 100.0))
    assert alert_key(quiet) == alert_key(report(2)), "the same window"
    assert alert_key(drifted) != alert_key(quiet)
    assert alert_key(report(1, rows=400)) != alert_key(quiet)


def test_the_body_has_a_text_for_chats_and_the_facts_for_programs():
    report = make_report(np.random.default_rng(1), tenure_months=np.full(500, 100.0))
    body = json.loads(json.dumps(alert_body(report), allow_nan=False))
    assert body["text"] == report.summary
    assert body["drifted_features"] == ["tenure_months"]
    assert body["features"][0]["name"] == "tenure_months"
    assert body["model"]["tag"] == report.window.model
