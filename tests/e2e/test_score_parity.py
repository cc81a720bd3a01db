"""A table is scored to the same bits as by the running service, whatever the table, the estimator and the batches."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import Home, start_server
from registry_home import store_at
from tables import Table, make_table

from churn.data.simulation import simulate
from churn.scoring.stored_model import StoredModel, load_model
from churn.scoring.table import TableScorer, score_table

ROWS = 100_000
BATCH = 10_000
TRAINED_ON = 4_000
YES_NO, SERVICE = ["Yes", "No"], ["Yes", "No", "No internet service"]
SERVICES = ["OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV", "StreamingMovies"]
TEXTS = {
    "gender": ["Female", "Male"],
    "Partner": YES_NO,
    "Dependents": YES_NO,
    "PhoneService": YES_NO,
    "MultipleLines": ["Yes", "No", "No phone service"],
    "InternetService": ["DSL", "Fiber optic", "No"],
    **dict.fromkeys(SERVICES, SERVICE),
    "Contract": ["Month-to-month", "One year", "Two year"],
    "PaperlessBilling": YES_NO,
    "PaymentMethod": ["Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)"],
}


def _telecom() -> Table:
    """19 features, 15 of them texts, one optional number: the form of the table of IBM's telecom customers."""
    random = np.random.default_rng(16)
    texts = {name: random.choice(levels, ROWS) for name, levels in TEXTS.items()}
    tenure, monthly = random.integers(0, 73, ROWS), random.uniform(18, 119, ROWS).round(2)
    total = np.where(random.random(ROWS) < 0.05, np.nan, (tenure * monthly).round(2))
    logit = 0.4 - 0.05 * tenure + 0.01 * monthly + 0.8 * (texts["Contract"] == "Month-to-month")
    numbers = {
        "SeniorCitizen": ('kind = "integer"\nminimum = 0\nmaximum = 1', random.integers(0, 2, ROWS)),
        "tenure": ('kind = "integer"\nminimum = 0\nmaximum = 200', tenure),
        "MonthlyCharges": ('kind = "number"\nminimum = 0\nmaximum = 200', monthly),
        "TotalCharges": ('kind = "number"\nminimum = 0\nmaximum = 20000\nmissing = "impute"', total),
    }
    return make_table(numbers | {name: ('kind = "category"', values) for name, values in texts.items()}, logit)


@dataclass(frozen=True)
class Case:
    """A home with a model of a table, and customers, of whom some have a text that training did not see."""

    home: Home
    model: StoredModel
    customers: pa.Table

    @property
    def records(self) -> list[dict]:
        """As a client sends them."""
        return self.customers.select(self.model.scorer.schema.feature_names).to_pylist()


def _load(home: Home, frame: pd.DataFrame) -> Case:
    with store_at(home.bentoml_home):
        model = load_model(home=home.path)
    name = model.scorer.schema.category_names[-1]
    frame = frame.assign(row=np.arange(len(frame)), **{name: frame[name].astype(object)})
    frame.loc[::97, name] = "never seen"
    return Case(home, model, pa.Table.from_pandas(frame, preserve_index=False))


def bundled(home: Home, folder, estimator: str) -> Case:
    trained = home.run("train.py", "--model", estimator)
    assert trained.returncode == 0, trained.stdout + trained.stderr
    return _load(home, simulate(ROWS, 17)[0])


def telecom(home: Home, folder, estimator: str) -> Case:
    table = _telecom()
    data, schema = Table(table.toml, table.frame[:TRAINED_ON]).write(folder)
    trained = home.run("train.py", "--data", str(data), "--schema", str(schema), "--model", estimator)
    assert trained.returncode == 0, trained.stdout + trained.stderr
    return _load(home, table.frame)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["logistic", "hist-gradient-boosting"])
@pytest.mark.parametrize("make", [bundled, telecom])
def test_a_table_has_the_bits_of_the_service(make: Callable[..., Case], estimator, home, tmp_path):
    case = make(home, tmp_path, estimator)
    scored = score_table(case.customers, case.model, keep=["row"])
    assert scored["row"].to_pylist() == list(range(ROWS))
    probabilities, warnings = scored["probability"].to_pylist(), scored["warnings"].to_pylist()
    assert sum(map(len, warnings)) >= math.ceil(ROWS / 97)
    assert len(set(probabilities)) > 500
    _assert_batches_of_any_size_agree(case, probabilities)
    records = case.records
    server = start_server(case.home)
    try:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            _assert_batches_agree(client, records, probabilities, scored["prediction"].to_pylist())
            for row in [*range(0, ROWS, 397), *range(0, ROWS, 97 * 20)]:
                answer = client.post("/predict", json=records[row]).json()
                found = {name: scored[name][row].as_py() for name in ("probability", "prediction", "model_version")}
                assert {name: answer[name] for name in found} == found
                assert answer["warnings"] == warnings[row]
    finally:
        server.stop()


def _assert_batches_agree(client, records, probabilities, predictions):
    for start in range(0, ROWS, BATCH):
        batch = [record | {"request_id": str(start + row)} for row, record in enumerate(records[start : start + BATCH])]
        answer = client.post("/predict/batch", content=json.dumps({"customers": batch}))
        assert answer.status_code == 200, answer.text[:1000]
        items = json.loads(answer.text)["predictions"]
        assert [item["request_id"] for item in items] == [str(row) for row in range(start, start + BATCH)]
        assert [item["probability"] for item in items] == probabilities[start : start + BATCH]
        assert [item["prediction"] for item in items] == predictions[start : start + BATCH]


def _assert_batches_of_any_size_agree(case, probabilities):
    scorer = TableScorer(case.model.scorer, case.customers.schema)
    for size, rows in ((1, 500), (2, 2_000), (3, 3_000), (7, 5_000), (4_096, ROWS), (65_536, ROWS), (ROWS, ROWS)):
        table = case.customers.slice(0, rows).combine_chunks()
        found = [scorer.score(batch).probabilities for batch in table.to_batches(max_chunksize=size)]
        assert np.concatenate(found).tolist() == probabilities[:rows], size
