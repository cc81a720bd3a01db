"""What is made once for a table: the model, the built Bento, and the model in the others' forms."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import joblib
import skops.io
from places import ALTERNATIVES, BIN, ENVIRONMENTS, ROOT
from table import Table

from churn.training.model_files import PIPELINE_TYPES

BENTO = "churn-api:bench"
MODEL_NAME = "churn"
_MLSERVER = {
    "settings.json": {"host": "127.0.0.1", "parallel_workers": 0, "grpc_port": 0, "metrics_port": 0, "debug": False},
    "model-settings.json": {
        "name": "churn",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib"},
    },
}


@dataclass(frozen=True)
class Stage:
    """A table, and the folder in which all that serves it lies."""

    table: Table
    folder: Path

    @property
    def home(self) -> Path:
        """CHURN_HOME of the service."""
        return self.folder / "home"

    @property
    def bentoml_home(self) -> Path:
        """BentoML's store: the model and the Bento."""
        return self.folder / "bentoml"

    @property
    def served(self) -> Path:
        """The model as the others load it, with MLServer's settings beside it."""
        return self.folder / "served"

    @property
    def mlflow_model(self) -> Path:
        """The same as an MLflow model."""
        return self.folder / "mlflow"

    @property
    def environment(self) -> dict[str, str]:
        """Variables of ours, of BentoML's and of the alternatives."""
        return {
            "CHURN_HOME": str(self.home),
            "MODEL_NAME": MODEL_NAME,
            "BENTOML_HOME": str(self.bentoml_home),
            "BENTOML_DO_NOT_TRACK": "True",
            "BENCH_MODEL": str(self.served),
            "BENCH_LOG": str(self.folder / "fastapi.log"),
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
