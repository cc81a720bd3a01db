"""The Python client of examples/: what it sends, waits for and says, with a running service and a stand-in."""

import importlib.util
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import LEAVING, ROOT, SAFE

pytestmark = pytest.mark.slow
_spec = importlib.util.spec_from_file_location("example_client", ROOT / "examples" / "client.py")
client = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(client)


@pytest.fixture
def stand_in():
    """A service that gives the answers that a test puts into `answers`, and keeps what it was sent."""

    class Handler(BaseHTTPRequestHandler):
        answers, sent = [], []

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.sent.append((self.path, dict(self.headers), body))
            status, headers, answer = self.answers.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Handler.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever).start()
        yield Handler
        server.shutdown()


@pytest.fixture
def waits(monkeypatch):
    """Seconds that the client would have waited."""
    waited = []
    monkeypatch.setattr(client.time, "sleep", waited.append)
    return waited


BUSY = (429, {"Retry-After": "3"}, b'{"error": "too many requests", "detail": []}')
GATEWAY = (503, {"Content-Type": "text/html"}, b"<h1>no upstream</h1>")
DONE = (200, {}, b'{"probability": 0.5}')


def test_a_busy_service_is_asked_again_after_what_it_asks_for(stand_in, waits):
    stand_in.answers += [BUSY, GATEWAY, DONE]
    with client.ChurnClient(stand_in.url, token="sesame") as asking:
        assert asking.predict(SAFE, explain=True) == {"probability": 0.5}
    assert 3 <= waits[0] <= 3.25
    assert 0 <= waits[1] <= 0.5
    (path, headers, body), *again = stand_in.sent
    assert (path, json.loads(body)) == ("/predict?explain=true", SAFE)
    assert headers["Authorization"] == "Bearer sesame"
    assert {(sent[1]["X-Request-ID"], sent[2]) for sent in again} == {(headers["X-Request-ID"], body)}


def test_a_service_that_stays_busy_is_given_up(stand_in, waits):
    stand_in.answers += [BUSY] * 3
    with (
        client.ChurnClient(stand_in.url, attempts=3) as asking,
        pytest.raises(client.ServiceUnavailable, match=r"429 too many requests \(request .*\), 3 times"),
    ):
        asking.predict(SAFE, request_id="mine")
    assert len(waits) == 2
    assert {sent[1]["X-Request-ID"] for sent in stand_in.sent} == {"mine"}


def test_no_service(waits):
    with (
        client.ChurnClient("http://127.0.0.1:1", attempts=2) as asking,
        pytest.raises(client.ServiceUnavailable, match="refused, 2 times"),
    ):
        asking.predict(SAFE)
    assert len(waits) == 1


def test_a_request_that_the_service_refuses_is_not_sent_again(stand_in, waits):
    stand_in.answers.append((401, {}, b'{"error": "this route needs a token", "detail": []}'))
    with client.ChurnClient(stand_in.url) as asking, pytest.raises(client.ServiceError, match="401 this route needs"):
        asking.predict(SAFE)
    assert waits == []


def test_a_refused_record_names_its_fields(server):
    with client.ChurnClient(server.url) as asking, pytest.raises(client.RecordRefused) as refused:
        asking.predict(SAFE | {"tenure_months": 480, "plan": "x"}, request_id="of-mine")
    assert str(refused.value) == (
        "400 the record is not valid (request of-mine); tenure_months: Input should be less than or equal to 200; "
        "plan: Extra inputs are not permitted"
    )
    assert [problem["loc"] for problem in refused.value.problems] == [["tenure_months"], ["plan"]]


def test_many_records_are_sent_in_pieces_and_answered_in_order(server):
    records = [(SAFE, LEAVING)[row % 2] | {"request_id": f"row-{row}"} for row in range(10_003)]
    with client.ChurnClient(server.url) as asking:
        predictions = list(asking.predict_many(iter(records)))
        alone = [asking.predict(record)["probability"] for record in records[:2]]
        tag = asking.model()["model_tag"]
    assert [found["request_id"] for found in predictions] == [record["request_id"] for record in records]
    assert [found["probability"] for found in predictions] == alone * 5_001 + alone[:1]
    assert {found["model_version"] for found in predictions} == {tag}


def test_a_refused_record_of_a_later_piece_has_its_number_among_all(server, monkeypatch):
    monkeypatch.setattr(client, "BATCH_BYTES", 4_000)
    records = [*[SAFE] * 99, SAFE | {"region": ""}]
    with client.ChurnClient(server.url) as asking:
        predictions = asking.predict_many(records)
        assert next(predictions)["probability"] > 0
        with pytest.raises(client.RecordRefused) as refused:
            list(predictions)
    assert [problem["loc"] for problem in refused.value.problems] == [["customers", 99, "region"]]


def test_a_piece_that_is_too_large_for_the_service_is_halved(home_with_model, serve):
    server = serve(home_with_model, CHURN_MAX_BATCH_BYTES="2048")
    with client.ChurnClient(server.url) as asking:
        assert len(list(asking.predict_many([SAFE] * 100))) == 100
        with pytest.raises(client.RecordRefused) as refused:
            list(asking.predict_many([*[SAFE] * 99, SAFE | {"region": ""}]))
        assert [problem["loc"] for problem in refused.value.problems] == [["customers", 99, "region"]]
        with pytest.raises(client.ServiceError, match="413 the body is larger than 2048 bytes"):
            list(asking.predict_many([SAFE | {"region": "x" * 2048}]))


def test_what_json_cannot_hold_is_not_sent(server):
    with client.ChurnClient(server.url) as asking, pytest.raises(ValueError, match="nan"):
        asking.predict(SAFE | {"avg_session_minutes": float("nan")})
