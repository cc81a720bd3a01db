"""What the project replaces: FastAPI, and a pandas frame, the scikit-learn pipeline and an opened log a request."""

import json
import os
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import joblib
import pandas as pd
from customer import Customer
from fastapi import FastAPI

FOLDER = Path(os.environ["BENCH_MODEL"])
LOG = Path(os.environ["BENCH_LOG"])
CARD = json.loads((FOLDER / "card.json").read_bytes())
PIPELINE = joblib.load(FOLDER / "model.joblib")

app = FastAPI()


@app.post("/predict")
def predict(customer: Customer) -> dict:
    started = time.perf_counter()
    features = customer.model_dump(exclude={"request_id"})
    probability = float(PIPELINE.predict_proba(pd.DataFrame([features]))[0, 1])
    answer = {
        "request_id": customer.request_id or str(uuid.uuid4()),
        "model_version": "bench",
        "prediction": int(probability >= CARD["threshold"]),
        "probability": probability,
        "threshold": CARD["threshold"],
        "latency_ms": (time.perf_counter() - started) * 1e3,
        "features": features,
        "ts": datetime.now(UTC).isoformat(),
        "warnings": [],
    }
    with LOG.open("a", encoding="utf-8") as log:
        log.write(json.dumps(answer) + "\n")
    return answer


@app.get("/ready")
def ready() -> dict:
    return {"status": "ready"}
