"""The service in a real browser: its pages, alone and under a proxy's path, and calls from pages of other origins."""

import json
import shutil
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from browser import CHROMIUM, open_browser
from conftest import SAFE, Home, start_server
from prefix_proxy import proxied

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
PREFIX = "/team/churn"
ALL_SHOWN = "document.querySelectorAll('.opblock').length >= 14"
TRY_IT_OUT = "document.querySelector('#operations-Predictions-predict .try-out__btn')"
EXECUTE = "document.querySelector('#operations-Predictions-predict .execute')"
STATUS = "document.querySelector('.live-responses-table tbody .response-col_status')"


@contextmanager
def pages(folder):
    """The origin of a server of the files in a folder."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """The origin of a page that the service lists."""
    folder = tmp_path_factory.mktemp("listed")
    (folder / "app.html").write_text('<!doctype html><title>app</title><link rel="icon" href="data:,">')
    with pages(folder) as origin:
        yield origin


@pytest.fixture(scope="module")
def shown(tmp_path_factory, trained_home, listed):
    """A server with both tokens, a drift report, a listed origin, and a proxy's prefix."""
    home = Home(tmp_path_factory.mktemp("shown") / "home", tmp_path_factory.mktemp("shown-store"))
    shutil.copytree(trained_home.path, home.path)
    tokens = {"MONITORING_TOKEN": "monitoring-secret", "CHURN_PREDICT_TOKEN": "predict-secret"}
    server = start_server(home, CHURN_CORS_ORIGINS=listed, CHURN_PATH_PREFIX=PREFIX, **tokens)
    customers = [SAFE | {"tenure_months": month % 60} for month in range(120)]
    headers = {"authorization": "Bearer predict-secret"}
    assert httpx.post(f"{server.url}/predict/batch", json={"customers": customers}, headers=headers).is_success
    done = home.run("drift.py")
    assert done.returncode == 3, done.stderr
    yield server
    server.stop()


@pytest.fixture(scope="module", params=["direct", "taken-off", "taken-off-and-said", "left-on"])
def address(request, shown):
    """Where the service is published, without a slash at the end."""
    if request.param == "direct":
        yield shown.url
        return
    forwarded = request.param == "taken-off-and-said"
    with proxied(shown.url, PREFIX, strip=request.param != "left-on", forwarded=forwarded) as url:
        yield url


def test_the_swagger_page_works_and_asks_nobody_else(browser, address):
    browser.visit(f"{address}/", ALL_SHOWN)
    assert browser.run("document.title") == "churn-api"
    groups = "[...document.querySelectorAll('.opblock-tag')].map(tag => tag.dataset.tag)"
    assert browser.run(groups) == ["Predictions", "Model and drift", "Probes and metrics", "Documents"]
    browser.run("ui.preauthorizeApiKey('predict', 'predict-secret')")
    browser.run("document.querySelector('#operations-Predictions-predict button').click()")
    browser.wait(f"{TRY_IT_OUT} !== null")
    browser.run(f"{TRY_IT_OUT}.click()")
    browser.wait(f"{EXECUTE} !== null")
    browser.run(f"{EXECUTE}.click()")
    browser.wait(f"{STATUS} !== null")
    assert browser.run(f"{STATUS}.innerText") == "200"
    assert f"{address}/predict?explain=false" in browser.requests
    outside = [url for url in browser.requests if not url.startswith((f"{address}/", "data:"))]
    assert outside == []
    assert browser.errors == []


def test_without_the_slash_at_the_end_the_page_is_found_too(browser, address):
    browser.visit(address, ALL_SHOWN)
    assert browser.run("location.pathname.endsWith('/')")
    assert browser.errors == []


def test_errors_are_a_line_each(browser, shown):
    browser.visit(f"{shown.url}/", ALL_SHOWN)
    browser.run("document.querySelector('#operations-Predictions-predict button').click()")
    rows = "[...document.querySelectorAll('tr.response')]"
    browser.wait(f"{rows}.length > 8")
    heights = f"{rows}.filter(row => /^[45]/.test(row.dataset.code)).map(row => row.offsetHeight)"
    assert max(browser.run(heights)) < 60


@pytest.mark.parametrize(
    ("path", "password", "title"),
    [("/drift", "monitoring-secret", "drift"), ("/model", "predict-secret", "model report")],
)
def test_a_reports_page_asks_for_the_password_and_opens(browser, address, path, password, title):
    browser.call("Network.clearBrowserCache")
    browser.visit(address + path, f"document.title.toLowerCase().includes('{title}')", password=password)
    assert browser.prompts <= 1  # none where the browser still knows it
    assert browser.errors == []


def test_a_wrong_password_is_asked_for_again(tmp_path, shown):
    with open_browser(tmp_path) as browser:
        browser.visit(f"{shown.url}/drift", "document.body.innerText.includes('unauthorized')", password="wrong")
        assert browser.prompts == 2


def call(browser, url, body, token=None):
    """What a page's script makes of a call: status, request id and body, or the name of its error."""
    authorization = f"Bearer {token or 'predict-secret'}"
    headers = {"content-type": "application/json", "authorization": authorization, "x-request-id": "from-a-page"}
    asked = json.dumps({"method": "POST", "headers": headers, "body": json.dumps(body)})
    browser.run(
        f"""window.done = null; fetch({json.dumps(url)}, {asked})
        .then(async answer => [answer.status, answer.headers.get('x-request-id'), await answer.json()])
        .catch(error => error.name).then(answer => window.done = answer)"""
    )
    browser.wait("window.done !== null")
    return browser.run("window.done")


def test_a_page_of_a_listed_origin_can_call_and_read_errors(browser, shown, listed):
    browser.visit(f"{listed}/app.html", "document.title == 'app'")
    status, request_id, answer = call(browser, f"{shown.url}/predict", SAFE)
    assert (status, request_id, answer["prediction"]) == (200, "from-a-page", 0)
    assert browser.errors == []
    status, _, answer = call(browser, f"{shown.url}/predict", SAFE | {"tenure_months": -1})
    assert (status, answer["detail"][0]["loc"]) == (400, ["tenure_months"])
    assert call(browser, f"{shown.url}/predict", SAFE, "wrong")[0] == 401
    assert call(browser, f"{shown.url}/nothing", SAFE)[0] == 404


def test_a_page_of_another_origin_cannot(browser, shown, listed):
    other = listed.replace("127.0.0.1", "localhost")
    browser.visit(f"{other}/app.html", "document.title == 'app'")
    before = len(shown.home.journal_lines())
    assert call(browser, f"{shown.url}/predict", SAFE) == "TypeError"
    assert any("blocked by CORS policy" in error for error in browser.errors)
    assert len(shown.home.journal_lines()) == before
