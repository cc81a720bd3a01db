"""Names and folders of what is made for a table before its servers start."""

from dataclasses import dataclass
from pathlib import Path

from table import Table

BENTO = "churn-api:bench"
MODEL_NAME = "churn"


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
