"""The report of the model in service, as `GET /model` gives it to a browser, and as training and registry give it."""

import json
import shutil

import httpx
import pytest
from conftest import Home, start_server, wait_until

import train
from churn.model_report.page import render_comparison

TOKEN = {"authorization": "Bearer predict-secret"}
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
WITHOUT_REPORT = """
from pathlib import Path
from churn.registry import Registry

registry = Registry(Path({home!r}))
folder = registry.fetch("churn_model_v1:v1")
names = [name for name in registry.entry("churn_model_v1:v1").files if not name.startswith("report.")]
with registry.writing() as writer:
    files = {{name: (folder / name).read_bytes() for name in names}}
    writer.save("churn_model_v1", None, files, {{"passed_gate": True}})
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, trained_home):
    """A server that asks for a token, with a second model of an earlier release, which has no report."""
    home = Home(tmp_path_factory.mktemp("paged") / "home", tmp_path_factory.mktemp("paged-store"))
    shutil.copytree(trained_home.path, home.path)
    saved = home.run("-c", WITHOUT_REPORT.format(home=str(home.path)))
    assert saved.returncode == 0, saved.stderr
    server = start_server(home, CHURN_PREDICT_TOKEN="predict-secret")
    yield server
    server.stop()


def test_a_browser_is_given_the_report(server):
    answer = httpx.get(f"{server.url}/model", headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.content == (server.home.registry / "reports" / "churn_model_v1-v1.html").read_bytes()
    assert answer.text.lower().startswith("<!doctype html>")
    assert "churn_model_v1:v1" in answer.text
    assert len(answer.content) < 300_000
    assert str(server.home.path) not in answer.text
    assert "style-src 'unsafe-inline'" in answer.headers["content-security-policy"]
    assert (answer.headers["vary"], answer.headers["x-content-type-options"]) == ("accept", "nosniff")


def test_everything_else_is_given_the_card(server):
    for accept in ("*/*", "application/json", "application/json, text/html;q=0.1", "text/html;q=0"):
        answer = httpx.get(f"{server.url}/model", headers={"accept": accept})
        assert answer.json()["model_tag"] == "churn_model_v1:v1"
        assert (answer.headers["content-type"], answer.headers["vary"]) == ("application/json", "accept")


def test_head_says_what_get_would(server):
    for headers in (BROWSER, {"accept": "*/*"}):
        head, get = (httpx.request(method, f"{server.url}/model", headers=headers) for method in ("HEAD", "GET"))
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-type", "content-length", "vary"):
            assert head.headers[name] == get.headers[name]


def test_the_page_is_documented(server):
    content = httpx.get(f"{server.url}/docs.json").json()["paths"]["/model"]["get"]["responses"]["200"]["content"]
    assert set(content) == {"application/json", "text/html"}


@pytest.mark.slow
def test_the_page_needs_the_token_and_follows_the_pointer(guarded):
    def ask(**headers):
        return httpx.get(f"{guarded.url}/model", headers=BROWSER | headers)

    assert ask().status_code == 401
    assert ask(authorization="Bearer other").status_code == 401
    assert ask(**TOKEN).headers["content-type"].startswith("text/html")
    for tag, kind in (("churn_model_v1:v2", "application/json"), ("churn_model_v1:v1", "text/html; charset=utf-8")):
        done = guarded.home.run("-m", "churn.registry", "promote", tag)
        assert done.returncode == 0, done.stderr
        wait_until(lambda tag=tag: tag in httpx.get(f"{guarded.url}/health").text, guarded.log.read_text)
        answer = ask(**TOKEN)
        assert (answer.headers["content-type"], tag in answer.text) == (kind, True)


def test_the_page_is_served_though_the_store_is_gone(guarded):
    """The store is disposable: what is in service is in memory."""
    page = guarded.home.bentoml_home / "models" / "churn_model_v1" / "v1" / "report.html"
    content = page.read_bytes()
    page.unlink()
    assert httpx.get(f"{guarded.url}/model", headers=BROWSER | TOKEN).content == content


def test_the_metadata_name_report_and_estimator(trained_home):
    (entry,) = json.loads((trained_home.registry / "metadata.json").read_bytes())
    assert entry["report"] == "registry/reports/churn_model_v1-v1.html"
    assert entry["estimator"] == "logistic"
    assert {"report.json", "report.html"} <= set(entry["files"])


@pytest.mark.parametrize(
    ("path", "says"),
    [("absent/x.html", "is in no folder that there is; make"), ("", "is a folder"), ("x" * 300, "File name too long")],
)
def test_a_report_that_cannot_be_written_is_said_before_any_work(tmp_path, capsys, path, says):
    assert train.main(["--report", str(tmp_path / path)]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.slow
def test_train_writes_the_report_where_it_is_asked_for(home, tmp_path):
    page, both = tmp_path / "report.html", tmp_path / "both.html"
    trained = home.run("train.py", "--report", str(page))
    assert trained.returncode == 0, trained.stderr
    assert page.read_bytes() == (home.registry / "reports" / "churn_model_v1-v1.html").read_bytes()
    trained = home.run("train.py", "--model", "hist-gradient-boosting", "--report", "/proc/report.html")
    assert trained.returncode in (0, 3), "what became of the model stands"
    assert "/proc/report.html cannot be written" in trained.stderr
    assert "`churn registry show churn_model_v1:v2 --html FILE` writes it" in trained.stderr
    done = home.run("-m", "churn.registry", "compare", "churn_model_v1:v1", "churn_model_v1:v2", "--html", str(both))
    assert (done.returncode, done.stderr) == (0, "")
    assert "estimator      logistic" in done.stdout
    assert "on the same rows" in done.stdout
    models = home.bentoml_home / "models" / "churn_model_v1"
    documents = [json.loads((models / version / "report.json").read_bytes()) for version in ("v1", "v2")]
    assert both.read_bytes() == render_comparison(*documents)
    assert home.run("-m", "churn.registry", "verify").returncode == 0
