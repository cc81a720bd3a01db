"""`python drift.py` with a model of another table: the schema in the model's folder says what is compared."""

import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from conftest import Home
from drift_samples import START, TAG, write_journal

import drift
from churn.drift.reference import build_reference

NO_DRIFT, BAD_INPUT, DRIFT = 0, 2, 3
SCHEMA = """
version = 1
name = "telco"
[target]
column = "Churn"
positive = ["Yes"]
negative = ["No"]
[[feature]]
name = "Tenure"
kind = "integer"
[[feature]]
name = "prediction"
kind = "number"
missing = "impute"
[[feature]]
name = "select"
kind = "boolean"
[[feature]]
name = "Contract"
kind = "category"
missing = "impute"
[[feature]]
name = "city"
kind = "category"
max_length = 100
"""


def customers(rng, rows, missing=0.3, paperless=0.4) -> pd.DataFrame:
    ranks = 1 / np.arange(1, 3001)
    return pd.DataFrame(
        {
            "Tenure": rng.integers(0, 72, rows).astype(float),
            "prediction": np.where(rng.random(rows) < missing, np.nan, rng.normal(65, 30, rows)),
            "select": (rng.random(rows) < paperless).astype(float),
            "Contract": rng.choice(["Two year", "One year", ""], rows, p=[0.4, 0.3, 0.3]),
            "city": [f"Town {rank}" for rank in rng.choice(3000, rows, p=ranks / ranks.sum())],
        }
    ).astype({"Contract": "category", "city": "category"})


def log(home, frame):
    def value(name, raw):
        if raw == "" or raw != raw:  # noqa: PLR0124 - NaN is the number that is not itself
            return None
        return bool(raw) if name == "select" else raw

    rows = [
        {
            "request_id": f"r{number}",
            "model_version": TAG,
            "prediction": number % 2,
            "probability": 0.2 + 0.6 * (number % 2),
            "threshold": 0.5,
            "features": {name: value(name, raw) for name, raw in row.items()},
            "ts": START.isoformat(),
        }
        for number, row in enumerate(frame.to_dict("records"))
    ]
    lines = [json.dumps(row).encode() + b"\n" for row in rows]
    write_journal(home.path / "logs" / "predictions-host-1.jsonl", *lines)


@pytest.fixture
def telco_home(tmp_path, trained_home, monkeypatch) -> Home:
    """A home whose served model is of the table of `SCHEMA`."""
    home = Home(tmp_path / "home", trained_home.bentoml_home)
    home.path.mkdir()
    (home.path / "registry").symlink_to(trained_home.registry)
    model = tmp_path / "model"
    model.mkdir()
    reference = build_reference(customers(np.random.default_rng(1), 5000), [0.2, 0.8] * 600)
    (model / "schema.toml").write_text(SCHEMA)
    (model / "reference.json").write_text(json.dumps(reference))
    monkeypatch.setattr("churn.registry.Registry.fetch", lambda self, tag: model)
    monkeypatch.setattr("churn.drift.run.write_files", lambda contents: None)
    monkeypatch.setenv("CHURN_HOME", str(home.path))
    return home


def run(capsys, *arguments):
    code = drift.main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_table_that_stays_the_same_does_not_drift_though_a_third_is_missing(telco_home, capsys):
    log(telco_home, customers(np.random.default_rng(2), 600))
    code, out, err = run(capsys)
    assert (code, err) == (NO_DRIFT, "")
    assert [line.split(":")[0] for line in out.splitlines() if ": z=" in line] == ["Tenure", "prediction", "select"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"missing": 0.5}, r"(prediction: [45]\d% of rows without a value, \d\d% in training)"),
        ({"paperless": 0.7}, r"(select: mean ↑ 0\.\d+ → 0\.\d+, 0\.\d+ training standard deviations)"),
    ],
)
def test_a_change_is_found_in_its_feature(telco_home, capsys, changes, said):
    log(telco_home, customers(np.random.default_rng(2), 500, **changes))
    code, out, _ = run(capsys)
    assert code == DRIFT
    assert re.search(said, out)


def test_a_column_of_thousands_of_texts_that_come_in_another_form_is_found(telco_home, capsys):
    frame = customers(np.random.default_rng(2), 500)
    log(telco_home, frame.assign(city=frame["city"].astype(str).str.upper()))
    code, out, _ = run(capsys)
    assert (code, "city: 100% of rows in categories that are rare in training or new" in out) == (DRIFT, True)


def test_a_feature_of_which_training_knew_nothing_is_no_drift_and_no_crash(telco_home, capsys, tmp_path):
    frame = customers(np.random.default_rng(1), 2000).assign(prediction=math.nan)
    (tmp_path / "model" / "reference.json").write_text(json.dumps(build_reference(frame, [0.2, 0.8] * 600)))
    log(telco_home, customers(np.random.default_rng(2), 500))
    assert run(capsys)[0] == NO_DRIFT


def test_a_reference_of_another_kind_of_feature_is_refused(telco_home, capsys, tmp_path):
    log(telco_home, customers(np.random.default_rng(2), 500))
    (tmp_path / "model" / "schema.toml").write_text(SCHEMA.replace('"boolean"', '"category"'))
    code, _, err = run(capsys)
    assert (code, "differ in select; restore the model's archive or train anew" in err) == (BAD_INPUT, True)


def test_labels_are_in_the_target_column_of_the_served_model(telco_home, capsys, tmp_path):
    log(telco_home, customers(np.random.default_rng(2), 400))
    labels = tmp_path / "labels.csv"
    labels.write_text("request_id,Churn\n" + "".join(f"r{n},{'Yes' if n % 2 else 'No'}\n" for n in range(300)))
    _, out, err = run(capsys, "performance", "--labels", str(labels))
    assert ("300 labels, 300 of them of logged predictions" in out, err) == (True, "")
    labels.write_text("request_id,churn\nr1,1\n")
    code, _, err = run(capsys, "performance", "--labels", str(labels))
    assert (code, "has no column Churn" in err) == (BAD_INPUT, True)


def test_without_a_promoted_model_labels_are_of_the_schema_that_training_would_use(telco_home, capsys, tmp_path):
    log(telco_home, customers(np.random.default_rng(2), 400))
    registry = telco_home.path / "registry"
    registry.unlink()
    registry.mkdir()
    (telco_home.path / "schema.toml").write_text(SCHEMA)
    labels = tmp_path / "labels.csv"
    labels.write_text("request_id,Churn\n" + "".join(f"r{n},{'Yes' if n % 2 else 'No'}\n" for n in range(300)))
    code, out, _ = run(capsys, "performance", "--labels", str(labels))
    assert (code, "not judged" in out) == (NO_DRIFT, True)
