"""`churn predict`: one customer, by a stored model or a running service, to the same bits."""

import contextlib
import json
import os
import pty
import shlex
import socket
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from conftest import BIN, LEAVING, ROOT, SAFE

CHURN = str(BIN / "churn")
LISTING = """\
  tenure_months        integer, from 0 to 200
  num_complaints       integer, from 0 to 50
  avg_session_minutes  number, from 0 to 500
  plan_type            one of basic, premium
  region               one of AF, AS, EU, NA

  churn predict"""
HEAVY = ("pandas", "scipy", "sklearn", "onnx", "skops", "duckdb", "joblib", "pyarrow", "bentoml", "httpx")
OF_THE_MOMENT = ("request_id", "latency_ms", "ts")


def _fields(customer):
    return [f"{name}={value}" for name, value in customer.items()]


FIELDS = _fields(SAFE)


def predict(home, *arguments, stdin="", **environment):
    return subprocess.run(
        [CHURN, "predict", *arguments],
        env=home.environment | environment,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def lasting(text):
    """An answer without what differs from call to call."""
    answer = json.loads(text)
    assert all(answer.pop(name) for name in OF_THE_MOMENT)
    return answer


def test_a_prediction_is_one_line_of_json(trained_home):
    done = predict(trained_home, *FIELDS, "request_id=of a shell")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    answer = json.loads(done.stdout)
    assert answer["features"] == SAFE
    assert answer["request_id"] == "of a shell"
    assert answer["prediction"] == 0 < answer["probability"] < answer["threshold"]
    assert not (trained_home.path / "logs").exists(), "it is no journal's business"


def test_no_record_lists_the_fields_with_an_example_that_works(trained_home):
    done = predict(trained_home)
    assert (done.returncode, done.stdout) == (2, "")
    assert LISTING in done.stderr
    example = shlex.split(done.stderr.splitlines()[-1])
    assert predict(trained_home, *example[2:]).returncode == 0


@pytest.mark.parametrize(
    ("changed", "problems"),
    [
        (["tenure_months=x"], ["tenure_months: Input should be a valid integer"]),
        (["tenure_months=48.5"], ["tenure_months: Input should be a valid integer"]),
        (
            ["avg_session_minutes=NaN", "num_complaints=51", "region=", "plan=x"],
            [
                "num_complaints: Input should be less than or equal to 50",
                "avg_session_minutes: Input should be a valid number",
                "region: String should have at least 1 character",
                "plan: Extra inputs are not permitted",
            ],
        ),
    ],
)
def test_what_the_schema_refuses_is_named(trained_home, changed, problems):
    names = {argument.partition("=")[0] for argument in changed}
    done = predict(trained_home, *changed, *(field for field in FIELDS if field.partition("=")[0] not in names))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == ["churn predict: the record is not valid", *(f"  {line}" for line in problems)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tenure_months", "region=EU"], "'tenure_months' is neither NAME=VALUE nor a JSON object"),
        (["region=EU", "region=NA"], "region is given twice"),
        (["{broken"], "the body is not valid JSON\n  Invalid JSON: key must be a string at line 1 column 2"),
        ([b"region=\xff"], "an argument is not UTF-8 text"),
        (["--model", "", *FIELDS], "--model is empty; is a variable of the shell not set?"),
        (["--url", "", *FIELDS], "--url is empty; is a variable of the shell not set?"),
        (["--url", "localhost:3000", *FIELDS], "--url is not a web address; allowed: http://... or https://..."),
        (
            ["--url", "http://localhost", "--model", "a:b", *FIELDS],
            "--model goes without --url: a service answers by its current model",
        ),
    ],
)
def test_bad_usage(trained_home, arguments, said):
    done = predict(trained_home, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"churn predict: {said}\n")


def test_no_model(home):
    done = predict(home, *FIELDS)
    assert (done.returncode, done.stdout) == (4, "")
    assert f"{home.registry} is missing: nothing was trained here" in done.stderr


@pytest.mark.slow
def test_no_such_model(trained_home):
    done = predict(trained_home, *FIELDS, "--model", "churn_model_v1:v9")
    assert done.returncode == 4
    assert done.stderr.startswith("churn predict: there is no model 'churn_model_v1:v9'; did you mean")


@pytest.mark.slow
def test_a_model_by_its_tag(trained_home):
    tag = trained_home.pointer.read_text(encoding="utf-8").strip()
    by_tag, current = (predict(trained_home, *FIELDS, *more).stdout for more in (["--model", tag], []))
    assert lasting(by_tag) == lasting(current)


@pytest.mark.slow
@pytest.mark.parametrize("customer", [SAFE, LEAVING, SAFE | {"region": "nowhere", "avg_session_minutes": 0.1 + 0.2}])
def test_in_this_process_as_by_a_service_to_the_last_bit(trained_home, server, customer):
    here, there = (
        predict(trained_home, *_fields(customer), "--explain", *more) for more in ([], ["--url", server.url])
    )
    assert here.returncode == there.returncode == 0, here.stderr + there.stderr
    assert lasting(here.stdout) == lasting(there.stdout)
    served = httpx.post(f"{server.url}/predict", json=customer)
    assert lasting(here.stdout)["probability"] == served.json()["probability"]
    assert "reasons" in lasting(here.stdout)


@pytest.mark.slow
def test_three_forms_of_a_record(trained_home, server):
    text = json.dumps(SAFE)
    for given, stdin in ((FIELDS, ""), ([text], ""), (["-"], text)):
        for more in ([], ["--url", server.url + "/"]):
            answer = lasting(predict(trained_home, *given, *more, stdin=stdin).stdout)
            assert answer["features"] == SAFE
            assert "reasons" not in answer


@pytest.mark.slow
def test_a_service_refuses_with_the_same_words(trained_home, server):
    for wrong in (["tenure_months=x"], ["{"], ["[1]=2"]):
        here, there = (predict(trained_home, *wrong, *more) for more in ([], ["--url", server.url]))
        assert here.returncode == there.returncode == 2
        assert here.stderr == there.stderr != ""


@pytest.mark.slow
def test_the_fields_by_a_service(trained_home, server):
    done = predict(trained_home, "--url", server.url)
    assert done.returncode == 2
    assert LISTING in done.stderr
    example = shlex.split(done.stderr.splitlines()[-1])
    assert example[:4] == ["churn", "predict", "--url", server.url]
    assert predict(trained_home, *example[2:]).returncode == 0


@pytest.mark.slow
def test_the_token_of_a_service(home_with_model, serve, tmp_path):
    server = serve(home_with_model, CHURN_PREDICT_TOKEN="sesame")
    url = ["--url", server.url, *FIELDS]
    file = tmp_path / "token"
    file.write_text("sesame\n", encoding="utf-8")
    for environment in ({"CHURN_PREDICT_TOKEN": "sesame"}, {"CHURN_PREDICT_TOKEN_FILE": str(file)}):
        assert predict(home_with_model, *url, **environment).returncode == 0
    for environment in ({}, {"CHURN_PREDICT_TOKEN": "wrong"}):
        done = predict(home_with_model, *url, **environment)
        assert done.returncode == 2
        assert done.stderr.startswith(f"churn predict: the service at {server.url} answered 401: this route needs")
        assert done.stderr.endswith("; set CHURN_PREDICT_TOKEN or CHURN_PREDICT_TOKEN_FILE\n")
        assert "wrong" not in done.stderr
    done = predict(home_with_model, *url, CHURN_PREDICT_TOKEN="in\ntwo")
    assert (done.returncode, done.stderr) == (
        2,
        "churn predict: CHURN_PREDICT_TOKEN holds characters that no header may hold\n",
    )


@pytest.mark.slow
def test_a_service_without_a_model(home, serve):
    done = predict(home, "--url", serve(home).url, *FIELDS)
    assert done.returncode == 4
    assert "answered 503: no model is loaded" in done.stderr


@pytest.mark.slow
def test_no_service(trained_home):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        done = predict(trained_home, "--url", url, *FIELDS)
    assert (done.returncode, done.stderr) == (
        4,
        f"churn predict: no service answers at {url}; `churn serve` starts one on this machine\n",
    )


@pytest.mark.slow
def test_an_address_of_something_else(trained_home):
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever).start()
        url = f"http://127.0.0.1:{other.server_port}"
        done = predict(trained_home, "--url", url, *FIELDS)
        other.shutdown()
    said = f"churn predict: what answers at {url} is no service of this project (status 404)\n"
    assert (done.returncode, done.stderr) == (4, said)


@pytest.mark.slow
def test_a_terminal_gets_it_indented(trained_home):
    ours, its = pty.openpty()
    command = [CHURN, "predict", *FIELDS]
    with subprocess.Popen(command, cwd=ROOT, env=trained_home.environment, stdin=its, stdout=its) as process:
        os.close(its)
        shown = b""
        while part := _read(ours):
            shown += part
    os.close(ours)
    assert process.returncode == 0
    assert shown.startswith(b'{\r\n  "request_id": "')
    assert json.loads(shown)["features"] == SAFE


def _read(terminal):
    with contextlib.suppress(OSError):  # the other end is closed
        return os.read(terminal, 4096)
    return b""


@pytest.mark.slow
def test_it_needs_nothing_that_the_serving_image_lacks(trained_home):
    code = f"""
import sys
from churn.commands import churn
try:
    churn({["predict", *FIELDS, "--explain"]!r}, prog_name="churn")
finally:
    print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = trained_home.run("-c", code)
    answer, loaded = done.stdout.splitlines()
    assert json.loads(answer)["reasons"]
    assert loaded == "[]"
