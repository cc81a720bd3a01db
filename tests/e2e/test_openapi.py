"""The served OpenAPI document is true: schemathesis asks every route with every check it has."""

import subprocess

import httpx
import pytest
from conftest import BIN, start_server

ROUTES = {
    "/",
    "/predict",
    "/predict/batch",
    "/health",
    "/ready",
    "/startup",
    "/model",
    "/drift",
    "/docs.json",
    "/favicon.ico",
    "/schema.json",
    "/metrics",
    "/livez",
    "/healthz",
    "/readyz",
}


def check_every_route(server, tmp_path):
    pytest.importorskip("schemathesis", reason="schemathesis is a development dependency; `make setup`")
    (server.home.registry / "drift_report.json").write_text('{"drift_detected": false}')
    (server.home.registry / "drift_report.html").write_text("<!doctype html><title>drift</title>")
    command = [BIN / "schemathesis", "run", f"{server.url}/docs.json", "--checks", "all", "--max-examples", "100"]
    done = subprocess.run(
        [*command, "--no-color", "-H", "Authorization: Bearer monitoring-secret"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert f"{len(ROUTES)} selected / {len(ROUTES)} total" in done.stdout


@pytest.mark.slow
def test_every_route_does_what_the_document_says(server, tmp_path):
    check_every_route(server, tmp_path)


def test_the_document_lists_every_route_and_only_those(server):
    document = httpx.get(f"{server.url}/docs.json").json()
    assert set(document["paths"]) == ROUTES
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            answer = httpx.request(method, server.url + path)
            assert str(answer.status_code) in operation["responses"], (path, answer.status_code)


def test_each_route_has_a_group_and_each_error_is_described_once(server):
    document = httpx.get(f"{server.url}/docs.json").json()
    groups = {tag["name"] for tag in document["tags"]}
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert {group for operation in operations for group in operation["tags"]} == groups
    named = {
        answer["$ref"].rpartition("/")[2]
        for operation in operations
        for status, answer in operation["responses"].items()
        if status != "200"
    }
    assert named == set(document["components"]["responses"])


def test_the_document_does_not_ask_for_integers_without_a_fraction(server):
    document = httpx.get(f"{server.url}/docs.json").json()
    assert "fraction" not in document["info"]["description"]
    field = document["components"]["schemas"]["Customer"]["properties"]["tenure_months"]
    assert (field["type"], field["minimum"], field["maximum"]) == ("integer", 0, 200)


def test_the_record_that_the_page_offers_to_send_is_answered(server):
    properties = httpx.get(f"{server.url}/docs.json").json()["components"]["schemas"]["Customer"]["properties"]
    example = {name: field["examples"][0] for name, field in properties.items()}
    answer = httpx.post(f"{server.url}/predict", json=example)
    assert (answer.status_code, answer.json()["request_id"]) == (200, "req-safe")


@pytest.mark.slow
def test_a_protected_service_says_so(home):
    server = start_server(home, CHURN_PREDICT_TOKEN="predict-secret")
    try:
        paths = httpx.get(f"{server.url}/docs.json").json()["paths"]
        for path, method in [("/predict", "post"), ("/predict/batch", "post"), ("/model", "get")]:
            assert paths[path][method]["security"] == [{"predict": []}]
            assert "401" in paths[path][method]["responses"]
    finally:
        server.stop()
