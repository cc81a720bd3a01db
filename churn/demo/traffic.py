"""Requests of simulated customers: such as the model was trained on, and such as drifted."""

from statistics import fmean
from typing import Any

import httpx

from churn.data.simulation import simulate

SINGLE, BATCH = 100, 500
"""Customers of one round: each of the first in a request of its own, the others in one batch, which is as many as
`churn drift` compares."""
SECONDS = 60.0

type Record = dict[str, Any]


def customers(seed: int) -> list[Record]:
    """Simulated customers of one round: the same for the same seed."""
    frame, _, _ = simulate(SINGLE + BATCH, seed)
    whole = {"tenure_months": int, "num_complaints": int, "plan_type": str, "region": str}
    rows: list[Record] = frame.astype(whole).to_dict("records")  # type: ignore[assignment]  # the names are texts
    return rows


def drifted(record: Record) -> Record:
    """The same customer with half the months and one more complaint."""
    return record | {
        "tenure_months": record["tenure_months"] // 2,
        "num_complaints": record["num_complaints"] + 1,
    }


def send(url: str, records: list[Record]) -> float:
    """Ask a service for the predictions of one round's customers; returns their mean probability to leave.

    Raises:
        httpx.HTTPError: it does not answer, or not with 200.
    """
    # Proxies of the environment are none of a service on loopback.
    with httpx.Client(base_url=url, timeout=SECONDS, trust_env=False) as client:
        answers = [_asked(client, "/predict", record) for record in records[:SINGLE]]
        answers += _asked(client, "/predict/batch", {"customers": records[SINGLE:]})["predictions"]
    return fmean(answer["probability"] for answer in answers)


def _asked(client: httpx.Client, path: str, body: Record) -> dict[str, Any]:
    answer: dict[str, Any] = client.post(path, json=body).raise_for_status().json()
    return answer
