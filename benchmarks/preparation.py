"""What is made once for a table: the model, the built Bento, and the model in the others' forms."""

import json
import os
import shutil
import subprocess

import joblib
import skops.io
from places import ALTERNATIVES, BIN, ENVIRONMENTS, ROOT
from stage import BENTO, MODEL_NAME, Stage

from churn.training.model_files import PIPELINE_TYPES

_MLSERVER = {
    "settings.json": {"host": "127.0.0.1", "parallel_workers": 0, "grpc_port": 0, "metrics_port": 0, "debug": False},
    "model-settings.json": {
        "name": "churn",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib"},
    },
}


def prepare(stage: Stage) -> None:
    """Train on the table, build the Bento, and write the pipeline as joblib, MLServer and MLflow take it."""
    for folder in (stage.home, stage.bentoml_home, stage.served):
        folder.mkdir(parents=True)
    os.environ.update(stage.environment)
    table = ["--data", str(stage.table.data.absolute())] if stage.table.data else []
    _run(str(BIN / "python"), "train.py", "--schema", str(stage.table.schema.absolute()), *table)
    _run(str(BIN / "bentoml"), "build", "--version", BENTO.partition(":")[2])
    stored = stage.bentoml_home / "models" / MODEL_NAME / "v1"
    joblib.dump(skops.io.load(stored / "model.skops", trusted=PIPELINE_TYPES), stage.served / "model.joblib")
    for name in ("card.json", "schema.toml"):
        shutil.copy(stored / name, stage.served)
    for name, settings in _MLSERVER.items():
        (stage.served / name).write_text(json.dumps(settings))
    python = ENVIRONMENTS / "mlflow" / "bin" / "python"
    if python.exists():
        arguments = (str(stage.served), str(stage.mlflow_model), json.dumps(stage.table.record))
        _run(str(python), str(ALTERNATIVES / "mlflow_model.py"), *arguments)


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
