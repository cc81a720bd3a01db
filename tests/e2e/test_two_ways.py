"""The hot path, BentoML's own client and a batch of one: the same answers, the same errors."""

import json
import random

import bentoml
import httpx
import pytest
from bentoml.exceptions import BentoMLException

RECORDS = 1000
VALUES = {
    "tenure_months": [0, 1, 48, 200, 201, -1, "48", 4.5, 48.0, True, None, 10**30, [1]],
    "num_complaints": [0, 3, 50, 51, -1, "0", 1.5, False, None],
    "avg_session_minutes": [0, 0.1, 31.5, 60, 500, 500.01, -0.5, "60", None, float("nan"), float("inf"), 1e308],
    "plan_type": ["basic", " PREMIUM ", "gold", "", "x" * 32, "x" * 33, "a\nb", "ü", 1, None],
    "region": ["EU", "na", " AF", "MARS", "", "y" * 33, "\u2028", "\x00", {}, None],
}


def random_record(rng, number):
    """About half of them valid: each field is good, or with a chance of one in eight anything."""
    record = {}
    for name, values in VALUES.items():
        usual = values[:3]
        record[name] = rng.choice(values if rng.random() < 0.125 else usual)
    record["request_id"] = f"record-{number}"
    return record


def comparable(answer):
    return {name: value for name, value in answer.items() if name not in ("latency_ms", "ts")}


@pytest.fixture(scope="module")
def client(server):
    with bentoml.SyncHTTPClient(server.url) as client:
        yield client


@pytest.mark.slow
def test_a_thousand_records_are_answered_alike_three_ways(server, client):
    rng = random.Random(20)  # noqa: S311 - test data
    statuses = {200: 0, 400: 0}
    with httpx.Client(base_url=server.url, headers={"content-type": "application/json"}) as http:
        for number in range(RECORDS):
            record = random_record(rng, number)
            direct = http.post("/predict", content=json.dumps(record))
            batch = http.post("/predict/batch", content=json.dumps({"customers": [record]}))
            statuses[direct.status_code] += 1
            assert batch.status_code == direct.status_code, record
            if direct.status_code == 200:
                answer = direct.json()
                assert comparable(client.predict(record)) == comparable(answer), record
                (item,) = batch.json()["predictions"]
                assert item == {name: answer[name] for name in item}
                assert batch.json()["model_version"] == answer["model_version"]
                continue
            with pytest.raises(BentoMLException) as refused:
                client.predict(record)
            assert refused.value.error_code == 400
            assert json.loads(str(refused.value)) == direct.json(), record
            problems = [problem | {"loc": problem["loc"][2:]} for problem in batch.json()["detail"]]
            assert problems == direct.json()["detail"], record
    assert min(statuses.values()) > RECORDS // 5


def test_the_client_takes_a_batch(client):
    record = {name: values[1] for name, values in VALUES.items()}
    answer = client.predict_batch({"customers": [record, record]})
    assert len(answer["predictions"]) == 2
    assert answer["predictions"][0]["probability"] == answer["predictions"][1]["probability"]
