"""Answers for pages of other origins: on every route, errors too, and nothing at all without the setting."""

import shutil

import bentoml
import httpx
import pytest
from conftest import SAFE, Home, start_server
from prefix_proxy import proxied

from serving.routes import ROUTES

APP = "https://app.example"
PREFLIGHT = {"origin": APP, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
BENTOML_CORS = """
services:
  churn-api:
    http:
      cors:
        enabled: true
        access_control_allow_origins: ["https://foreign.example"]
"""


@pytest.fixture(scope="module")
def sharing(tmp_path_factory, trained_home):
    """A server that lists two origins, under a prefix that a proxy leaves on, though BentoML was told of another."""
    home = Home(tmp_path_factory.mktemp("sharing") / "home", tmp_path_factory.mktemp("sharing-store"))
    shutil.copytree(trained_home.path, home.path)
    config = home.path / "bentoml.yaml"
    config.write_text(BENTOML_CORS)
    server = start_server(
        home,
        CHURN_CORS_ORIGINS=f"https://other.example, {APP}",
        CHURN_PATH_PREFIX="/churn",
        CHURN_MAX_PENDING_BYTES=str(2**20),
        CHURN_MAX_BATCH_BYTES=str(2**20),
        BENTOML_CONFIG=str(config),
    )
    yield server
    server.stop()


def names(answer):
    return {name for name in answer.headers if name.startswith("access-control-")}


@pytest.mark.slow
def test_each_answer_is_shared_with_a_listed_origin_alone(sharing):
    for route in ROUTES:
        for origin, expected in ((APP, APP), ("https://app.example.evil", None), ("null", None), (None, None)):
            headers = {"origin": origin} if origin else {}
            answer = httpx.request(route.method, sharing.url + route.path, headers=headers)
            assert answer.headers.get("access-control-allow-origin") == expected, (route.path, origin)
            assert "origin" in answer.headers["vary"], route.path
            assert "access-control-allow-credentials" not in answer.headers
    answer = httpx.post(f"{sharing.url}/predict", json=SAFE, headers={"origin": APP})
    assert answer.headers["access-control-expose-headers"] == "x-request-id, retry-after"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "path", "sent"),
    [
        (400, "/predict", {"content": b"{"}),
        (401, "/drift", {}),
        (404, "/nothing", {}),
        (405, "/health", {"content": b"{}"}),
        (413, "/predict", {"content": b" " * 70_000, "headers": {"content-type": "application/json"}}),
        (415, "/predict", {"content": b"{}", "headers": {"content-type": "text/plain"}}),
    ],
)
def test_a_page_can_read_each_error(sharing, status, path, sent):
    headers = {"origin": APP} | sent.get("headers", {})
    method = "POST" if "content" in sent else "GET"
    answer = httpx.request(method, sharing.url + path, content=sent.get("content"), headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, APP)
    assert answer.json()["error"]


@pytest.mark.slow
def test_leave_is_given_to_a_listed_origin_alone(sharing):
    for path in ("/predict", "/predict/batch", "/drift", "/livez", "/churn/predict"):
        given = httpx.options(sharing.url + path, headers=PREFLIGHT)
        assert (given.status_code, given.content) == (204, b"")
        assert given.headers["access-control-allow-origin"] == APP
        assert "POST" in given.headers["access-control-allow-methods"]
        allowed = set(given.headers["access-control-allow-headers"].split(", "))
        assert {"authorization", "content-type", "x-request-id"} <= allowed
        refused = httpx.options(sharing.url + path, headers=PREFLIGHT | {"origin": "https://foreign.example"})
        assert (refused.status_code, names(refused)) == (405, set())
    assert httpx.options(f"{sharing.url}/predict", headers={"origin": APP}).status_code == 405  # asks for no leave


@pytest.mark.slow
def test_bentomls_own_setting_is_said_to_have_no_effect(sharing):
    line = next(line for line in sharing.log.read_text().splitlines() if "http.cors has no effect" in line)
    assert "CHURN_CORS_ORIGINS" in line
    answer = httpx.get(f"{sharing.url}/livez", headers={"origin": "https://foreign.example"})
    assert names(answer) == set()


@pytest.mark.slow
def test_any_origin_is_allowed_by_an_asterisk(home_with_model, serve):
    url = serve(home_with_model, CHURN_CORS_ORIGINS="*").url
    for headers in ({"origin": APP}, {}):
        answer = httpx.post(f"{url}/predict", json=SAFE, headers=headers)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
        assert "vary" not in answer.headers
    assert httpx.options(f"{url}/predict", headers=PREFLIGHT).status_code == 204


def test_without_the_setting_nothing_is_shared(server):
    for path in ("/health", "/livez", "/nothing"):
        answer = httpx.get(server.url + path, headers={"origin": APP})
        assert names(answer) == set()
        assert "vary" not in answer.headers
    assert httpx.options(f"{server.url}/predict", headers=PREFLIGHT).status_code == 405


@pytest.mark.slow
def test_a_prefix_is_taken_off_whole_and_no_route_is_lost(sharing):
    def status(path):
        return httpx.get(sharing.url + path).status_code

    assert [status(path) for path in ("/churn", "/churn/", "/churn/health", "/health", "/churn/livez")] == [200] * 5
    assert [status(path) for path in ("/churnx/health", "/churn/churn/health", "/churn//health")] == [404] * 3
    assert httpx.post(f"{sharing.url}/churn/predict", json=SAFE).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("strip", [True, False])
def test_bentomls_client_finds_the_service_under_a_path(sharing, strip):
    with proxied(sharing.url, "/churn", strip=strip) as url, bentoml.SyncHTTPClient(url) as client:
        assert client.predict(SAFE)["prediction"] == 0


@pytest.mark.slow
def test_a_prefix_that_is_also_a_route_hides_none(home_with_model, serve):
    url = serve(home_with_model, CHURN_PATH_PREFIX="/predict").url
    for path in ("/predict", "/predict/predict"):
        assert httpx.post(url + path, json=SAFE).status_code == 200, path


def test_a_header_changes_nothing_of_the_page_or_the_document(server):
    for path in ("/", "/docs.json"):
        given = {"x-forwarded-prefix": '/"><script>alert(1)</script>', "x-forwarded-host": "evil.example"}
        assert httpx.get(server.url + path, headers=given).content == httpx.get(server.url + path).content
