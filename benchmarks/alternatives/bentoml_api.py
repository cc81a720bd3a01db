"""The idiomatic BentoML service: `@bentoml.api`, a pandas frame, the scikit-learn pipeline, BentoML's defaults."""

import json
import os
from pathlib import Path

import bentoml
import joblib
import pandas as pd
from customer import Customer


@bentoml.service
class Idiomatic:
    def __init__(self) -> None:
        folder = Path(os.environ["BENCH_MODEL"])
        self.threshold = json.loads((folder / "card.json").read_bytes())["threshold"]
        self.pipeline = joblib.load(folder / "model.joblib")

    @bentoml.api
    def predict(self, customer: Customer, /) -> dict:
        probability = float(
            self.pipeline.predict_proba(pd.DataFrame([customer.model_dump(exclude={"request_id"})]))[0, 1]
        )
        return {"prediction": int(probability >= self.threshold), "probability": probability}
