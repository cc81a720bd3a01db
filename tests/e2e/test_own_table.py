"""A team's own table, from the file to drift, as the README says it: no line of code is touched."""

import json

import httpx
import pandas as pd
import pytest
from conftest import ROOT, start_server
from tables import TABLES

TELCO = ROOT.parent / "shared" / "data" / "telco-customer-churn.csv"
needs_telco = pytest.mark.skipif(not TELCO.exists(), reason="telco-customer-churn.csv is not beside the project")


def example(url):
    """The record that the Swagger page offers."""
    document = httpx.get(f"{url}/docs.json").json()
    properties = document["components"]["schemas"]["Customer"]["properties"]
    return {name: value["examples"][0] for name, value in properties.items() if "examples" in value}


def records(frame):
    """Rows of a table as clients send them: a missing value is null."""
    return json.loads(frame.to_json(orient="records"))


def send(url, rows):
    answer = httpx.post(f"{url}/predict/batch", json={"customers": rows}, timeout=60)
    assert answer.status_code == 200, answer.text[:1000]
    return [item["probability"] for item in answer.json()["predictions"]]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TABLES if name != "few rows"])
def test_any_table_is_trained_served_and_watched(name, home, tmp_path):
    table = TABLES[name]()
    data, schema = table.write(tmp_path)
    trained = home.run("train.py", "--data", str(data), "--schema", str(schema))
    assert trained.returncode == 0, trained.stdout + trained.stderr
    assert ("texts are rare" in trained.stderr) == (name == "many levels"), trained.stderr
    server = start_server(home)
    try:
        single = httpx.post(f"{server.url}/predict", json=example(server.url))
        assert single.status_code == 200, single.text
        rows = records(table.frame.drop(columns="left")[:2000])
        probabilities = send(server.url, rows)
    finally:
        server.stop()
    left = table.frame["left"][:2000] == "yes"
    assert pd.Series(probabilities)[left].mean() > pd.Series(probabilities)[~left].mean()
    drift = home.run("drift.py", "--last-n", "2000")
    assert drift.returncode == 0, drift.stdout + drift.stderr


@pytest.mark.slow
def test_sixty_rows_are_enough_to_train_on_or_it_is_said_why_not(home, tmp_path):
    data, schema = TABLES["few rows"]().write(tmp_path)
    trained = home.run("train.py", "--data", str(data), "--schema", str(schema))
    assert trained.returncode in (0, 3), trained.stderr
    assert "passed the gate" in trained.stdout or "was refused by the gate (" in trained.stdout


@needs_telco
@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["logistic", "hist-gradient-boosting"])
def test_the_telco_table_reaches_what_scikit_learn_reaches_on_it(estimator, home, tmp_path):
    inferred = home.run("-m", "churn.schema", "infer", str(TELCO))
    assert inferred.returncode == 0, inferred.stderr
    assert inferred.stdout.count("# look") <= 2
    schema = tmp_path / "customers.toml"
    schema.write_text(inferred.stdout, encoding="utf-8")
    trained = home.run("train.py", "--data", str(TELCO), "--schema", str(schema), "--model", estimator)
    assert trained.returncode == 0, trained.stdout + trained.stderr
    metrics = json.loads((home.registry / "metadata.json").read_text(encoding="utf-8"))[0]["metrics"]
    assert metrics["roc_auc"] >= (0.843 if estimator == "logistic" else 0.845)
    assert metrics["log_loss"] <= (0.420 if estimator == "logistic" else 0.416)
    server = start_server(home)
    try:
        single = httpx.post(f"{server.url}/predict", json=example(server.url)).json()
        assert single["model_version"] == "churn_model_v1:v1"
        assert single["warnings"] == []
        frame = pd.read_csv(TELCO).drop(columns=["customerID", "Churn"])
        frame["TotalCharges"] = pd.to_numeric(frame["TotalCharges"], errors="coerce")
        send(server.url, records(frame[:2000]))
    finally:
        server.stop()
    drift = home.run("drift.py", "--last-n", "2000")
    assert drift.returncode == 0, drift.stdout + drift.stderr
