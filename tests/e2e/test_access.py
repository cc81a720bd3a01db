"""Who may ask what: tokens, their rotation, the pages, and that no secret is found anywhere."""

import base64
import re
import shutil
import time
from pathlib import Path

import httpx
import pytest
from conftest import SAFE, Home, start_server, wait_until
from hostile import BODIES, GOOD, RAW, raw

from churn.settings.bearer import PLACEHOLDER_TOKEN

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
SECRETS = ["planted-monitoring-7f3a", "planted-predict-91bc", "planted-rotated-5d0e", "planted-webhook-c2a8"]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, trained_home):
    """A server whose predictions are protected too, with tokens from files, and without the page."""
    home = Home(tmp_path_factory.mktemp("guarded") / "home", tmp_path_factory.mktemp("guarded-store"))
    shutil.copytree(trained_home.path, home.path, ignore=shutil.ignore_patterns("logs"))
    files = home.path / "secrets"
    files.mkdir()
    (files / "monitoring").write_text(SECRETS[0] + "\n")
    (files / "predict").write_text(SECRETS[1] + "\n")
    server = start_server(
        home,
        MONITORING_TOKEN_FILE=str(files / "monitoring"),
        CHURN_PREDICT_TOKEN_FILE=str(files / "predict"),
        CHURN_ALERT_URL=f"http://127.0.0.1:9/{SECRETS[3]}",
        CHURN_DOCS="off",
        LOG_LEVEL="debug",
    )
    yield server
    server.stop()


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def basic(credentials):
    return {"authorization": f"Basic {base64.b64encode(credentials).decode()}"}


def predict(server, **headers):
    return httpx.post(f"{server.url}/predict", json=SAFE, headers=headers)


def test_a_prediction_needs_the_token_where_one_is_asked_for(guarded):
    assert predict(guarded, **bearer(SECRETS[1])).status_code == 200
    for headers in ({}, bearer("wrong"), bearer(SECRETS[0]), {"authorization": SECRETS[1]}):
        for method, path in [("POST", "/predict"), ("POST", "/predict/batch"), ("GET", "/model")]:
            refused = httpx.request(method, guarded.url + path, headers=headers)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert set(refused.json()) == {"error", "detail"}
    assert httpx.get(f"{guarded.url}/model", headers=bearer(SECRETS[1])).status_code == 200
    assert httpx.get(f"{guarded.url}/ready").status_code == 200


def test_the_token_may_come_as_a_password_with_any_user_name(guarded):
    for user in (b"", b"me", "Zo\u00eb".encode()):
        assert httpx.get(f"{guarded.url}/model", headers=basic(user + b":" + SECRETS[1].encode())).status_code == 200
        assert predict(guarded, **basic(user + b":" + SECRETS[1].encode())).status_code == 200
    lower = {"authorization": "basic " + basic(f"me:{SECRETS[1]}".encode())["authorization"][6:]}
    assert predict(guarded, **lower).status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        f"{SECRETS[1]}:",
        SECRETS[1],
        f"me:{SECRETS[0]}",
        f"me:{SECRETS[1]} ",
        f"me:{SECRETS[1]}:",
        "me:",
        ":",
        b"\xff\xfe:\xff\x00",
        "x" * 9000,
    ],
)
def test_another_password_is_refused(guarded, given):
    raw_credentials = given if isinstance(given, bytes) else given.encode()
    assert predict(guarded, **basic(raw_credentials)).status_code == 401


def test_broken_base64_is_refused(guarded):
    for given in (b"", b" =", b" bWU6!", b" a", b" bWU", b" " + b"*" * 50, b" bWU6 bWU6", b" \xff\xfe", b" bWU6\xff"):
        assert predict(guarded, authorization=b"Basic" + given).status_code == 401, given


def test_only_a_browser_is_told_to_ask_for_a_password(guarded):
    for path in ("/drift", "/model"):
        refused = httpx.get(guarded.url + path, headers=BROWSER)
        challenges = refused.headers.get_list("www-authenticate")
        assert (refused.status_code, challenges) == (401, ['Basic realm="churn-api", charset="UTF-8"', "Bearer"])
        assert httpx.get(guarded.url + path, headers={"accept": "*/*"}).headers["www-authenticate"] == "Bearer"


@pytest.mark.slow
@pytest.mark.parametrize(
    "swap",
    [
        "written anew",
        "replaced",
        "a link as Kubernetes makes it",
    ],
)
def test_a_rotated_token_is_taken_without_a_restart(guarded, swap):
    file = guarded.home.path / "secrets" / "predict"
    new = file.with_name("new")
    new.write_text(SECRETS[2])
    if swap == "written anew":
        file.write_text(SECRETS[2])
    elif swap == "replaced":
        new.rename(file)
    else:
        file.unlink()
        file.symlink_to(new)
    wait_until(lambda: predict(guarded, **bearer(SECRETS[2])).status_code == 200, guarded.log.read_text)
    assert predict(guarded, **bearer(SECRETS[1])).status_code == 401
    assert predict(guarded, authorization=f"bearer {SECRETS[2]}").status_code == 200  # a scheme has no case
    assert predict(guarded, authorization=f"Basic {SECRETS[2]}").status_code == 401
    before = guarded.log.read_text().count("token not read again")
    file.unlink()
    time.sleep(1.2)
    for _ in range(2):  # a file on its way changes nothing
        assert predict(guarded, **bearer(SECRETS[2])).status_code == 200
        time.sleep(1.1)
    assert guarded.log.read_text().count("token not read again") == before + 1
    file.write_text(PLACEHOLDER_TOKEN)
    wait_until(lambda: predict(guarded, **bearer(SECRETS[2])).status_code == 401, guarded.log.read_text)
    assert predict(guarded, **bearer(PLACEHOLDER_TOKEN)).status_code == 401
    assert '"token file holds no token", "token": "CHURN_PREDICT_TOKEN"' in guarded.log.read_text()
    file.write_text(SECRETS[1])
    wait_until(lambda: predict(guarded, **bearer(SECRETS[1])).status_code == 200, guarded.log.read_text)


def test_the_page_can_be_switched_off(guarded, server):
    for path in ("/", "/docs.json", "/static_content/swagger-ui.css"):
        assert httpx.get(guarded.url + path).status_code == 404, path
        assert httpx.get(server.url + path).status_code == 200, path


def test_pages_have_security_headers(server):
    (server.home.registry / "drift_report.html").write_text("<!doctype html><title>drift</title>")
    report = httpx.get(f"{server.url}/drift", headers=bearer("monitoring-secret") | {"accept": "text/html"})
    for page in (httpx.get(server.url), report):
        assert page.status_code == 200
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert not re.search(r"(script|default)-src[^;]*(unsafe|http|\*)", policy)
        assert '<script src="http' not in page.text
        assert "googletagmanager" not in page.text  # as BentoML's own page has


def test_without_a_token_of_its_own_the_drift_route_is_closed(home):
    server = start_server(home, MONITORING_TOKEN=PLACEHOLDER_TOKEN)
    try:
        for given in (bearer(PLACEHOLDER_TOKEN), bearer("None"), {"authorization": "Bearer"}, {}):
            assert httpx.get(f"{server.url}/drift", headers=given).status_code == 401
    finally:
        server.stop()


@pytest.mark.slow
def test_no_secret_is_found_anywhere(guarded):
    said = [answer for body in BODIES.values() for answer in _ask(guarded, body)]
    said += [raw(guarded, sent, wait=0.05) for sent in RAW.values()]
    pointer = guarded.home.pointer.read_bytes()
    guarded.home.pointer.write_bytes(b"churn_model_v1:v99\n")
    wait_until(lambda: "detail" in httpx.get(f"{guarded.url}/health").json(), guarded.log.read_text)
    guarded.home.pointer.write_bytes(pointer)
    secrets = {
        "MONITORING_TOKEN_FILE": str(guarded.home.path / "secrets" / "monitoring"),
        "CHURN_ALERT_URL": f"http://127.0.0.1:9/{SECRETS[3]}",
    }
    said += [httpx.get(f"{guarded.url}/{path}").content for path in ("metrics", "health", "schema.json", "nothing")]
    for command in (
        ("drift.py", "--min-rows", "2", "--last-n", "5"),
        ("drift.py", "--help"),
        ("train.py", "--help"),
        ("train.py", "--data", "absent.csv"),
        ("-m", "churn.registry", "list"),
        ("-m", "bentoml", "serve", "--help"),
    ):
        done = guarded.home.run(*command, **secrets)
        said.append((done.stdout + done.stderr).encode())
    refused = guarded.home.run(
        "-m", "bentoml", "serve", MONITORING_TOKEN=SECRETS[0], CHURN_ALERT_URL=SECRETS[3], CHURN_POLL_SECONDS="x"
    )
    assert "CHURN_POLL_SECONDS" in refused.stderr
    said.append((refused.stdout + refused.stderr).encode())
    said += [file.read_bytes() for file in guarded.home.path.rglob("*") if file.is_file() and _readable(file)]
    said += [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in _processes(guarded)]
    everything = b"\n".join(said)
    assert b"churn_rejected_requests_total" in everything  # the search is in the right haystack
    assert b"request answered" in everything
    for secret in SECRETS:
        assert secret.encode() not in everything, secret
        assert base64.b64encode(f"me:{secret}".encode()) not in everything, secret


def _readable(file):
    return file.parent.name != "secrets"


def _ask(server, body):
    for headers in (bearer(SECRETS[1]), basic(f"me:{SECRETS[1]}".encode()), bearer("wrong"), basic(b"me:wrong")):
        for path in ("/predict", "/predict/batch", "/drift", "/model"):
            yield httpx.request("POST", server.url + path, content=body, headers=headers).content
    yield httpx.post(f"{server.url}/predict", content=GOOD, headers=bearer(SECRETS[1])).content


def _processes(server):
    return [server.process.pid, *server.worker_pids()]
