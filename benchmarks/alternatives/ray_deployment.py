"""A Ray Serve deployment: a pandas frame and the scikit-learn pipeline."""

import os
import sys
from pathlib import Path

import joblib
import pandas as pd
import ray
from ray import serve
from ray.serve.config import HTTPOptions
from ray.serve.schema import LoggingConfig
from starlette.requests import Request


@serve.deployment(max_ongoing_requests=100, logging_config=LoggingConfig(enable_access_log=False))
class Churn:
    def __init__(self, path: str) -> None:
        self.pipeline = joblib.load(path)

    async def __call__(self, request: Request) -> dict:
        customer = await request.json()
        return {"probability": float(self.pipeline.predict_proba(pd.DataFrame([customer]))[0, 1])}


if __name__ == "__main__":
    ray.init(num_cpus=1, include_dashboard=False)  # the core that it is pinned to
    serve.start(
        http_options=HTTPOptions(host="127.0.0.1", port=int(sys.argv[1])),
        logging_config=LoggingConfig(enable_access_log=False),
    )
    path = Path(os.environ["BENCH_MODEL"]) / "model.joblib"
    serve.run(Churn.bind(str(path)), route_prefix="/predict", blocking=True)
