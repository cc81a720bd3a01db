"""The served source, over real HTTP: every route, every status."""

import json
import re
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from conftest import LEAVING, ROOT, SAFE

FIELDS = [
    "request_id",
    "model_version",
    "prediction",
    "probability",
    "threshold",
    "latency_ms",
    "features",
    "ts",
    "warnings",
]


def post(server, body, **headers):
    content = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return httpx.post(f"{server.url}/predict", content=content, headers={"content-type": "application/json"} | headers)


def test_a_safe_customer_stays(server):
    answer = post(server, SAFE | {"request_id": "req-safe"})
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == FIELDS
    assert body["prediction"] == 0
    assert 0.10 < body["probability"] < 0.20
    assert body["request_id"] == "req-safe"
    assert answer.headers["x-request-id"] == "req-safe"
    assert body["features"] == SAFE
    assert body["model_version"] == server.home.pointer.read_text().strip()
    assert body["latency_ms"] >= 0
    assert datetime.fromisoformat(body["ts"]).utcoffset().total_seconds() == 0
    assert body["warnings"] == []


def test_the_readmes_curl_gives_the_readmes_answer(server):
    """All but what differs from call to call: model version, delay and time."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    sent = re.search(r"-d '(\{.*?\})'", readme)[1]
    shown = json.loads(re.search(r"```json\n(\{.*?\})\n```", readme, re.DOTALL)[1])
    answer = post(server, sent).json()
    assert list(shown) == list(answer)
    assert shown["probability"] == pytest.approx(answer["probability"], abs=1e-6)
    assert shown["threshold"] == pytest.approx(answer["threshold"], abs=1e-6)
    for name in ("request_id", "prediction", "features", "warnings"):
        assert shown[name] == answer[name]


def test_a_leaving_customer_leaves(server):
    body = post(server, LEAVING).json()
    assert body["prediction"] == 1
    assert body["probability"] >= body["threshold"]


def test_features_are_echoed_as_the_model_saw_them(server):
    body = post(server, SAFE | {"plan_type": " PREMIUM ", "region": "eu"}).json()
    assert body["features"] == SAFE
    assert body["probability"] == post(server, SAFE).json()["probability"]


def test_an_unseen_category_is_scored_and_named(server):
    body = post(server, SAFE | {"region": "MARS"}).json()
    assert body["warnings"] == ["region 'MARS' was not seen in training; scored as unknown"]
    assert 0 < body["probability"] < 1


def test_the_request_id_falls_back_to_the_header_then_to_a_new_one(server):
    assert post(server, SAFE, **{"X-Request-ID": "from-header"}).json()["request_id"] == "from-header"
    in_body = post(server, SAFE | {"request_id": "from-body"}, **{"X-Request-ID": "from-header"})
    assert in_body.json()["request_id"] == in_body.headers["x-request-id"] == "from-body"
    new = [post(server, SAFE).json()["request_id"] for _ in range(2)]
    assert new[0] != new[1]
    assert all(re.fullmatch(r"[0-9a-f]{16}-[0-9a-f]+", request_id) for request_id in new)


def test_a_request_id_that_is_not_ascii_is_echoed_encoded(server):
    answer = post(server, SAFE | {"request_id": "kunde-ü-客"})
    assert answer.json()["request_id"] == "kunde-ü-客"
    assert answer.headers["x-request-id"] == "kunde-%C3%BC-%E5%AE%A2"


def test_every_200_has_its_line_in_the_journal_before_the_answer(server):
    for number in range(5):
        body = post(server, SAFE | {"request_id": f"journal-{number}"}).json()
        line = json.loads(server.home.journal_lines()[-1])
        assert line == body | {"schema_version": 1}


@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        (b"", [], "json_invalid"),
        (b"{", [], "json_invalid"),
        (b"\xff\xfe", [], "json_invalid"),
        (b"[]", [], "model_type"),
        (SAFE | {"tenure_months": "48"}, ["tenure_months"], "int_type"),
        (SAFE | {"tenure_months": 48.5}, ["tenure_months"], "int_type"),
        (SAFE | {"tenure_months": 201}, ["tenure_months"], "less_than_equal"),
        (SAFE | {"plan_type": ""}, ["plan_type"], "string_too_short"),
        (SAFE | {"tenure": 1}, ["tenure"], "extra_forbidden"),
        ({k: v for k, v in SAFE.items() if k != "region"}, ["region"], "missing"),
    ],
)
def test_an_invalid_record_is_400_and_says_where(server, body, loc, kind):
    before = len(server.home.journal_lines())
    answer = post(server, body)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "detail"}
    assert answer.json()["detail"][0]["loc"] == loc
    assert answer.json()["detail"][0]["type"] == kind
    assert answer.json()["detail"][0]["msg"]
    assert answer.headers["x-request-id"]
    assert len(server.home.journal_lines()) == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/vnd.bentoml+pickle"])
def test_a_body_that_is_not_json_is_415(server, kind):
    answer = post(server, json.dumps(SAFE), **{"content-type": kind})
    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.json()["error"]


def test_json_with_a_charset_or_without_a_content_type_is_taken(server):
    assert post(server, SAFE, **{"content-type": "application/json; charset=utf-8"}).status_code == 200
    assert httpx.post(f"{server.url}/predict", content=json.dumps(SAFE)).status_code == 200


def test_a_large_body_is_413_with_and_without_a_declared_length(server):
    assert post(server, b" " * (64 * 1024 + 1)).status_code == 413
    assert post(server, b" " * (64 * 1024)).status_code == 400

    def chunks():
        for _ in range(20):
            yield b" " * 8192

    answer = httpx.post(f"{server.url}/predict", content=chunks(), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["error"] == "the body is larger than 65536 bytes"
    assert "raise the service's CHURN_MAX_BODY_BYTES" in answer.json()["detail"][0]["msg"]


def test_unknown_routes_and_methods_have_the_one_error_shape(server):
    missing = httpx.get(f"{server.url}/nothing")
    assert (missing.status_code, set(missing.json())) == (404, {"error", "detail"})
    for method, path, allowed in [("GET", "/predict", "POST"), ("POST", "/health", "GET"), ("DELETE", "/livez", "GET")]:
        answer = httpx.request(method, server.url + path)
        assert answer.status_code == 405
        assert answer.headers["allow"] == allowed
        assert set(answer.json()) == {"error", "detail"}


def test_the_probes_name_the_served_model(server):
    tag = server.home.pointer.read_text().strip()
    assert httpx.get(f"{server.url}/health").json() == {"status": "ok", "current_model": tag}
    assert httpx.get(f"{server.url}/ready").json() == {"status": "ready", "current_model": tag}
    assert httpx.get(f"{server.url}/startup").json() == {"status": "ok", "current_model": tag}
    assert httpx.head(f"{server.url}/ready").status_code == 200
    for path in ("/livez", "/healthz", "/readyz"):
        assert httpx.get(server.url + path).status_code == 200


def test_the_card_tells_what_the_model_is(server):
    card = httpx.get(f"{server.url}/model").json()
    assert card["model_tag"] == server.home.pointer.read_text().strip()
    assert card["rows"] == 1200
    assert card["metrics"]["roc_auc"] > 0.5
    assert card["threshold"] == post(server, SAFE).json()["threshold"]
    assert [feature["name"] for feature in card["features"]] == list(SAFE)
    assert card["features"][4]["categories"] == ["AF", "AS", "EU", "NA"]
    assert card["trained_at_utc"]


def test_drift_needs_the_token(server):
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "monitoring-secret"}):
        refused = httpx.get(f"{server.url}/drift", headers=headers)
        assert refused.status_code == 401
        assert set(refused.json()) == {"error", "detail"}
        assert refused.headers["www-authenticate"] == "Bearer"
        assert "monitoring-secret" not in refused.text


def test_drift_gives_the_latest_report_to_the_token(server):
    authorised = {"authorization": "Bearer monitoring-secret"}
    report = server.home.registry / "drift_report.json"
    report.unlink(missing_ok=True)
    assert httpx.get(f"{server.url}/drift", headers=authorised).status_code == 404
    report.write_text('{"drift_detected": false}')
    assert httpx.get(f"{server.url}/drift", headers=authorised).json() == {"drift_detected": False}


def test_the_pages_of_bentoml_list_every_route(server):
    assert "swagger" in httpx.get(server.url).text.lower()
    document = httpx.get(f"{server.url}/docs.json").json()
    ours = {"/predict", "/health", "/ready", "/startup", "/model", "/drift"}
    assert set(document["paths"]) >= ours | {"/metrics", "/livez", "/readyz", "/docs.json"}
    assert document["components"]["schemas"]["Customer"]["additionalProperties"] is False


def test_prometheus_metrics_count_predictions_and_refusals(server):
    def value(text, name):
        return sum(float(row.split()[-1]) for row in text.splitlines() if row.startswith(name))

    before = httpx.get(f"{server.url}/metrics").text
    for _ in range(3):
        post(server, SAFE)
    post(server, b"[]")
    after = httpx.get(f"{server.url}/metrics").text
    assert value(after, "churn_predictions_total{") - value(before, "churn_predictions_total{") == 3
    reason = 'churn_rejected_requests_total{reason="invalid_record"}'
    assert value(after, reason) - value(before, reason) == 1
    assert f'churn_model_info{{model_version="{server.home.pointer.read_text().strip()}"}} 1.0' in after


def test_the_serving_process_has_imported_neither_scikit_learn_nor_pandas(server):
    post(server, SAFE)
    (worker, *_) = server.worker_pids()
    libraries = Path(f"/proc/{worker}/maps").read_text(encoding="utf-8")
    assert "onnxruntime" in libraries  # the look is at the right process
    assert "/sklearn/" not in libraries
    assert "/pandas/" not in libraries
    assert "/scipy/" not in libraries
