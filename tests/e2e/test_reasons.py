"""`?explain=true` over real HTTP: what it adds, what it leaves as it was, and what it is refused with."""

import json
import math
from pathlib import Path

import httpx
import pytest
from conftest import LEAVING, SAFE

MARS = SAFE | {"region": "<SCRIPT>"}
WITHOUT_REASONS = """
import pathlib, sys
from churn.registry import Registry
registry = Registry(pathlib.Path(sys.argv[1]))
good = registry.entry("churn_model_v1:v1")
folder = registry.fetch(good.tag)
files = {name: (folder / name).read_bytes() for name in good.files if name != "reasons.json"}
entry = {key: value for key, value in good.raw.items() if key not in ("model_tag", "files")}
with registry.writing() as writer:
    writer.promote(writer.save("churn_model_v1", "old", files, entry))
"""


def ask(server, query, body=SAFE, path="/predict"):
    return httpx.post(f"{server.url}{path}{query}", json=body, timeout=30)


def check_reasons(reasons, probability, features):
    assert list(reasons) == ["base", "features", "summary"]
    total = reasons["base"] + sum(item["contribution"] for item in reasons["features"])
    assert total == pytest.approx(math.log(probability / (1 - probability)), abs=1e-5)
    assert {item["feature"]: item["value"] for item in reasons["features"]} == features
    sizes = [abs(item["contribution"]) for item in reasons["features"]]
    assert sizes == sorted(sizes, reverse=True)
    assert 1 <= len(reasons["summary"]) <= 3


def test_reasons_are_added_and_nothing_else_is_changed(server):
    plain = ask(server, "", LEAVING).json()
    answer = ask(server, "?explain=true", LEAVING)
    assert answer.status_code == 200
    body = answer.json()
    reasons = body.pop("reasons")
    check_reasons(reasons, body["probability"], LEAVING)
    differs = ("request_id", "latency_ms", "ts")
    assert {k: v for k, v in body.items() if k not in differs} == {k: v for k, v in plain.items() if k not in differs}
    assert json.loads(server.home.journal_lines()[-1]) == body | {"schema_version": 1}
    assert reasons["summary"][0].endswith("the risk most")
    assert all("raise" in sentence for sentence in reasons["summary"][:1])


def test_each_row_of_a_batch_has_the_reasons_that_it_has_alone(server):
    before = len(server.home.journal_lines())
    rows = [SAFE, LEAVING, MARS]
    body = ask(server, "?explain=1", {"customers": rows}, "/predict/batch").json()
    assert list(body) == ["model_version", "threshold", "predictions"]
    for row, item in zip(rows, body["predictions"], strict=True):
        assert list(item) == ["request_id", "prediction", "probability", "reasons"]
        check_reasons(item["reasons"], item["probability"], row)
        alone = ask(server, "?explain=true", row).json()["reasons"]
        assert item["reasons"]["summary"] == alone["summary"]
    lines = server.home.journal_lines()[before : before + 3]
    assert all("reasons" not in json.loads(line) for line in lines)


def test_a_batch_of_many_rows_is_explained_in_order(server):
    rows = [SAFE | {"tenure_months": row % 200, "request_id": str(row)} for row in range(1000)]
    predictions = ask(server, "?explain=true", {"customers": rows}, "/predict/batch").json()["predictions"]
    assert [item["request_id"] for item in predictions] == [row["request_id"] for row in rows]
    for row, item in zip(rows, predictions, strict=True):
        check_reasons(item["reasons"], item["probability"], {name: row[name] for name in SAFE})


def test_a_text_that_training_has_not_seen_is_a_value_and_no_part_of_a_sentence(server):
    reasons = ask(server, "?explain=true", MARS).json()["reasons"]
    assert next(item for item in reasons["features"] if item["feature"] == "region")["value"] == "<SCRIPT>"
    assert not any("script" in sentence.lower() for sentence in reasons["summary"])


@pytest.mark.parametrize("query", ["", "?", "?explain=false", "?explain=0", "?other=true", "?explained=true", "?x=%ff"])
def test_without_it_there_are_no_reasons(server, query):
    answer = ask(server, query)
    assert answer.status_code == 200
    assert "reasons" not in answer.json()


@pytest.mark.parametrize("query", ["?a=b&explain=true", "?explain=1&", "?%65xplain=%74rue"])
def test_other_parameters_and_encodings_do_not_matter(server, query):
    assert "reasons" in ask(server, query).json()


@pytest.mark.parametrize(
    "query", ["?explain=yes", "?explain=", "?explain", "?explain=true&explain=true", "?explain=%ff"]
)
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_another_value_is_refused(server, query, path):
    before = len(server.home.journal_lines())
    answer = ask(server, query, {"customers": [SAFE]} if "batch" in path else SAFE, path)
    assert answer.status_code == 400
    assert answer.json()["error"] == "the query is not valid"
    (problem,) = answer.json()["detail"]
    assert (problem["loc"], problem["type"]) == (["query", "explain"], "invalid_query")
    assert "true (or 1)" in problem["msg"]
    assert len(server.home.journal_lines()) == before


def test_it_is_documented(server):
    document = httpx.get(f"{server.url}/docs.json").json()
    for path in ("/predict", "/predict/batch"):
        operation = document["paths"][path]["post"]
        (explain,) = [parameter for parameter in operation["parameters"] if parameter["name"] == "explain"]
        assert (explain["in"], explain["schema"]) == ("query", {"type": "boolean", "default": False})
        assert "409" in operation["responses"]
    schemas = document["components"]["schemas"]
    for name in ("Prediction", "BatchItem"):
        assert "reasons" in schemas[name]["properties"]
        assert "reasons" not in schemas[name]["required"]


def test_answers_with_reasons_fit_the_document(server):
    jsonschema = pytest.importorskip("jsonschema")
    components = httpx.get(f"{server.url}/docs.json").json()["components"]
    for name, path, body in [("Prediction", "", MARS), ("BatchPrediction", "/batch", {"customers": [SAFE, LEAVING]})]:
        answer = ask(server, "?explain=true", body, f"/predict{path}").json()
        form = {"$ref": f"#/components/schemas/{name}", "components": components}
        jsonschema.validate(answer, form, jsonschema.Draft202012Validator)


def test_the_service_explains_without_the_libraries_of_training(server):
    ask(server, "?explain=true")
    (worker, *_) = server.worker_pids()
    libraries = Path(f"/proc/{worker}/maps").read_text(encoding="utf-8")
    assert "onnxruntime" in libraries  # it is the right process
    for library in ("sklearn", "pandas", "scipy", "shap", "numba", "onnx"):
        assert f"/{library}/" not in libraries


@pytest.mark.slow
def test_a_model_that_was_stored_without_reasons_is_served_and_says_what_to_do(home_with_model, serve):
    done = home_with_model.run("-c", WITHOUT_REASONS, str(home_with_model.path))
    assert done.returncode == 0, done.stderr
    server = serve(home_with_model)
    assert ask(server, "").json()["model_version"] == "churn_model_v1:old"
    for path, body in (("/predict", SAFE), ("/predict/batch", {"customers": [SAFE]})):
        answer = ask(server, "?explain=true", body, path)
        assert answer.status_code == 409
        assert "churn_model_v1:old, was stored without reasons; train it anew" in answer.json()["error"]
        assert answer.json()["detail"][0]["type"] == "no_reasons"
        assert ask(server, "?explain=false", body, path).status_code == 200
    assert 'churn_rejected_requests_total{reason="no_reasons"} 2.0' in httpx.get(f"{server.url}/metrics").text
