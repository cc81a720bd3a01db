"""The idiomatic BentoML service: `@bentoml.api`, a pandas frame, the scikit-learn pipeline, BentoML's defaults."""

import json
import os
from pathlib import Path

import bentoml
import joblib
import pandas as pd
from pydantic import BaseModel, Field


class Customer(BaseModel):
    tenure_months: int = Field(ge=0, le=200)
    num_complaints: int = Field(ge=0, le=50)
    avg_session_minutes: float = Field(ge=0, le=500)
    plan_type: str = Field(min_length=1, max_length=32)
    region: str = Field(min_length=1, max_length=32)


@bentoml.service
class Idiomatic:
    def __init__(self) -> None:
        folder = Path(os.environ["BENCH_MODEL"])
        self.threshold = json.loads((folder / "card.json").read_bytes())["threshold"]
        self.pipeline = joblib.load(folder / "model.joblib")

    @bentoml.api
    def predict(self, customer: Customer, /) -> dict:
        probability = float(self.pipeline.predict_proba(pd.DataFrame([customer.model_dump()]))[0, 1])
        return {"prediction": int(probability >= self.threshold), "probability": probability}
