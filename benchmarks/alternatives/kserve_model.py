"""KServe's model server with a model of one's own: a pandas frame and the scikit-learn pipeline."""

import argparse
import os
from pathlib import Path

import joblib
import kserve
import pandas as pd


class ChurnModel(kserve.Model):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.load()

    def load(self) -> None:
        self.pipeline = joblib.load(Path(os.environ["BENCH_MODEL"]) / "model.joblib")
        self.ready = True

    def predict(self, payload: dict, headers: dict[str, str] | None = None) -> dict:  # noqa: ARG002 - KServe's signature
        probabilities = self.pipeline.predict_proba(pd.DataFrame(payload["instances"]))
        return {"predictions": probabilities[:, 1].tolist()}


if __name__ == "__main__":
    options, _ = argparse.ArgumentParser(parents=[kserve.model_server.parser]).parse_known_args()
    kserve.ModelServer(workers=1).start([ChurnModel("churn")])
