"""`CHURN_JOURNAL_BATCH_SHARE`: a random share of a batch's rows is journalled, as it would be without, and counted."""

import asyncio
import json

import httpx
import numpy as np
import pyarrow as pa
import pytest
from arrow_streams import ask, stream
from conftest import SAFE, start_server
from constant_scorer import OTHER, constant_scorer

from churn.journal.sample import RowSample
from churn.schema.record import Customer
from churn.scoring.arrow.stream import parse_stream
from churn.scoring.predictor import Predictor

ROWS = 5_000
RECORD = {"class": "A", "items": 3, "copy": 1.5, "get": True, "keys": None}


class Lines:
    def __init__(self):
        self.text = b""

    def append(self, lines):
        self.text += lines

    @property
    def without_times(self):
        return [json.loads(line) | {"latency_ms": 0, "ts": ""} for line in self.text.splitlines()]


class Silent:
    def batch_predicted(self, *_):
        pass


def journalled(form, share):
    """What the journal gets of a batch, and how many rows it is said not to get."""
    records = [RECORD | {"items": row % 40, "copy": None if row % 3 else row / 2} for row in range(ROWS)]
    scorer, lines, left_out = constant_scorer(OTHER), Lines(), []
    predictor = Predictor(lines, Silent(), RowSample(share, left_out.append))

    async def run():
        if form == "json":
            await predictor.predict_batch(scorer, [Customer(record) for record in records], "b")
        else:
            customers = await parse_stream(stream(pa.Table.from_pylist(records)), scorer.validator)
            await predictor.predict_arrow(scorer, customers, "b")

    asyncio.run(run())
    return lines.without_times, sum(left_out)


@pytest.mark.parametrize("form", ["json", "arrow"])
def test_a_share_of_the_lines_is_there_as_it_would_be_without(form):
    every, none = journalled(form, 1.0)
    assert (len(every), none) == (ROWS, 0)
    some, left_out = journalled(form, 0.3)
    assert len(some) + left_out == ROWS
    assert abs(len(some) - 0.3 * ROWS) < 7 * np.sqrt(ROWS * 0.3 * 0.7)
    by_id = {line["request_id"]: line for line in every}
    assert some == [by_id[line["request_id"]] for line in some]
    numbers = [int(line["request_id"].removeprefix("b-")) for line in some]
    assert numbers == sorted(set(numbers))
    assert abs(np.mean(numbers) - ROWS / 2) < ROWS / 10  # of the whole batch
    assert journalled(form, 0.0) == ([], ROWS)


@pytest.mark.slow
def test_a_service_counts_what_it_samples_out_and_drift_reads_the_rest(home_with_model):
    server = start_server(home_with_model, CHURN_JOURNAL_BATCH_SHARE="0.5")
    try:
        rows = [SAFE] * ROWS
        assert httpx.post(f"{server.url}/predict/batch", json={"customers": rows}, timeout=60).status_code == 200
        assert ask(server, pa.Table.from_pylist(rows)).status_code == 200
        for number in range(20):
            assert httpx.post(f"{server.url}/predict", json=SAFE | {"request_id": f"one-{number}"}).status_code == 200
        lines = home_with_model.journal_lines()
        metrics = httpx.get(f"{server.url}/metrics").text
        document = httpx.get(f"{server.url}/docs.json").json()
    finally:
        server.stop()
    assert "CHURN_JOURNAL_BATCH_SHARE" in document["components"]["schemas"]["BatchPrediction"]["description"]
    (sampled_out,) = [float(row.split()[-1]) for row in metrics.splitlines() if row.startswith("churn_journal_sampled")]
    assert sampled_out + len(lines) == 2 * ROWS + 20
    assert 0.4 < sampled_out / (2 * ROWS) < 0.6
    assert {f"one-{number}" for number in range(20)} <= {json.loads(line)["request_id"] for line in lines}
    drift = home_with_model.run("drift.py", "--since", "1h")
    assert drift.returncode == 3, drift.stdout + drift.stderr  # all customers are alike
    assert f"{len(lines):,}" in drift.stdout
