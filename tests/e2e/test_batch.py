"""`POST /predict/batch` over real HTTP: order, ids, limits, all or nothing, one journal line a row."""

import json

import httpx
import pytest
from conftest import LEAVING, SAFE

from churn.scoring.batch import MAX_PROBLEMS, MAX_ROWS


def post(server, body, **headers):
    content = body if isinstance(body, (bytes, str)) else json.dumps(body)
    headers = {"content-type": "application/json"} | headers
    return httpx.post(f"{server.url}/predict/batch", content=content, headers=headers, timeout=30)


def test_rows_are_answered_in_order_with_their_ids_and_journalled(server):
    before = len(server.home.journal_lines())
    rows = [SAFE | {"request_id": "mine"}, LEAVING, SAFE | {"region": "MARS"}]
    answer = post(server, {"customers": rows}, **{"X-Request-ID": "batch-1"})
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == ["model_version", "threshold", "predictions"]
    assert [item["request_id"] for item in body["predictions"]] == ["mine", "batch-1-1", "batch-1-2"]
    assert [item["prediction"] for item in body["predictions"]][:2] == [0, 1]
    lines = [json.loads(line) for line in server.home.journal_lines()[before:]]
    assert [line["request_id"] for line in lines] == ["mine", "batch-1-1", "batch-1-2"]
    for line, item in zip(lines, body["predictions"], strict=True):
        assert line["probability"] == item["probability"]
        assert line["schema_version"] == 1
    assert lines[2]["warnings"] == ["region 'MARS' was not seen in training; scored as unknown"]


def test_the_largest_batch_gives_what_single_requests_give_and_is_counted(server):
    def counted():
        rows = httpx.get(f"{server.url}/metrics").text.splitlines()
        return sum(float(row.split()[-1]) for row in rows if row.startswith("churn_predictions_total{"))

    before, lines = counted(), len(server.home.journal_lines())
    rows = [SAFE | {"tenure_months": row % 200, "num_complaints": row % 50} for row in range(MAX_ROWS)]
    predictions = post(server, {"customers": rows}).json()["predictions"]
    assert len(predictions) == MAX_ROWS
    assert counted() - before == MAX_ROWS
    assert len(server.home.journal_lines()) - lines == MAX_ROWS
    for row in range(0, MAX_ROWS, 997):
        single = httpx.post(f"{server.url}/predict", json=rows[row]).json()
        assert predictions[row]["probability"] == pytest.approx(single["probability"], abs=1e-6)


@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        (b"{", [], "json_invalid"),
        (b"\xff", [], "json_invalid"),
        ([], [], "model_type"),
        ({}, ["customers"], "missing"),
        ({"customers": []}, ["customers"], "too_short"),
        ({"customers": SAFE}, ["customers"], "list_type"),
        ({"customers": [SAFE], "more": 1}, ["more"], "extra_forbidden"),
        ({"customers": [SAFE, SAFE | {"tenure_months": 48.5}]}, ["customers", 1, "tenure_months"], "int_type"),
        ({"customers": [SAFE, 5]}, ["customers", 1], "model_type"),
        ({"customers": [SAFE] * 300 + [SAFE | {"region": ""}]}, ["customers", 300, "region"], "string_too_short"),
        ({"customers": [SAFE] * (MAX_ROWS + 1)}, ["customers"], "too_long"),
    ],
)
def test_an_invalid_batch_is_400_names_the_row_and_scores_nothing(server, body, loc, kind):
    before = len(server.home.journal_lines())
    answer = post(server, body)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "detail"}
    assert answer.json()["detail"][0]["loc"] == loc
    assert answer.json()["detail"][0]["type"] == kind
    assert len(server.home.journal_lines()) == before


def test_many_invalid_rows_give_a_bounded_answer(server):
    answer = post(server, {"customers": [{"tenure_months": "x"}] * MAX_ROWS})
    assert answer.status_code == 400
    assert len(answer.json()["detail"]) == MAX_PROBLEMS
    assert "first 100" in answer.json()["error"]


def test_a_batch_over_8_mib_is_413(server):
    answer = post(server, b'{"customers":[' + b" " * (8 * 2**20) + b"]}")
    assert answer.status_code == 413
    assert answer.json()["error"] == "the body is larger than 8388608 bytes"
    assert "send fewer customers at once, or raise the service's CHURN_MAX_BATCH_BYTES" in answer.text
