"""The scikit-learn pipeline as an MLflow model with a signature, for `mlflow models serve`."""

import json
import sys
from pathlib import Path

import joblib
import mlflow.sklearn
import pandas as pd
import skops.io
from mlflow.models import infer_signature

served, folder, record = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
pipeline = joblib.load(served / "model.joblib")
frame = pd.DataFrame([record])
mlflow.sklearn.save_model(
    pipeline,
    folder,
    signature=infer_signature(frame, pipeline.predict_proba(frame)),
    pyfunc_predict_fn="predict_proba",
    skops_trusted_types=skops.io.get_untrusted_types(data=skops.io.dumps(pipeline)),
    pip_requirements=["scikit-learn"],  # else MLflow finds them by loading the model once more
)
