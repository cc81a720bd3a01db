"""Files under `CHURN_HOME` and inside a stored model: name, content and writer; docs/reference/files.md lists them."""

from enum import Enum
from pathlib import Path


class StoredFile(Enum):
    """A file that the project writes or reads.

    Attributes:
        path: from the folder that holds it; what stands in `<>` differs.
        content: what it holds.
        writer: which command writes it.

    """

    def __init__(self, path: str, content: str, writer: str) -> None:
        self.path = path
        self.content = content
        self.writer = writer

    def under(self, folder: Path) -> Path:
        """Where it is in that folder."""
        return folder / self.path


class HomeFile(StoredFile):
    """A file under `CHURN_HOME`."""

    ARCHIVE = "models/<name>-<version>.bentomodel", "archive of a saved model: the mirror on the volume", "training"
    POINTER = (
        "registry/current_model.txt",
        "the pointer: one line, `name:version`, replaced as a whole",
        "training, `promote`, `rollback`",
    )
    METADATA = "registry/metadata.json", "JSON list, one entry a trained model, newest last", "training, `prune`"
    TRAIN_STATS = (
        "registry/train_stats.json",
        "mean and standard deviation of the current model's training numbers",
        "training, `promote`, `rollback`",
    )
    PROMOTIONS = (
        "registry/promotions.jsonl",
        "history: one line a change of the pointer",
        "training, `promote`, `rollback`",
    )
    REPORT = (
        "registry/reports/<name>-<version>.html",
        "page of a model's report, kept when the model is pruned",
        "training",
    )
    DRIFT_JSON = "registry/drift_report.json", "the latest drift report", "drift"
    DRIFT_HTML = "registry/drift_report.html", "the same as a page", "drift"
    LOCK = "registry/.lock", "file that a writer locks; empty, stays", "training, registry"
    LOCK_HOLDER = "registry/.lock-holder", "process that has the lock, while it has it", "training, registry"
    INTENT = (
        "registry/.unfinished.json",
        "what a writer is about to do; one that a crash left is settled by the next writer",
        "training, registry",
    )
    JOURNAL = (
        "logs/predictions-<host>-<pid>.jsonl",
        "journal: one answer a line; `predictions-<host>-<pid>.<n>.jsonl` once it is full",
        "the service, `score --journal`",
    )
    RUNS = "logs/scoring.jsonl", "one line a run of `score`", "score"
    DATA = "data/churn.csv", "training data, in place of the bundled file, where it is there", "you"
    SCHEMA = "schema.toml", "schema of the table, in place of the bundled one, where it is there", "you"


class ModelFile(StoredFile):
    """A file inside a stored model."""

    ONNX = "model.onnx", "the form that is served", "training"
    PIPELINE = "model.skops", "scikit-learn pipeline, for people; the service never loads it", "training"
    REFERENCE = "reference.json", "training distribution, with which drift compares", "training"
    REASONS = "reasons.json", "what the service needs to explain a prediction", "training"
    GOLDEN = "golden.json", "a few records with the probabilities that they must give", "training"
    CARD = "card.json", "description of the model for people and for the service: `GET /model`", "training"
    SCHEMA = "schema.toml", "schema of the table, with which the service validates requests", "training"
    TRAINING_ROWS = (
        "training_rows.npy",
        "digests of the training rows, so that no model is evaluated on them",
        "training",
    )
    REPORT_HTML = "report.html", "page of the report", "training"
    REPORT_JSON = "report.json", "all figures of the report", "training"
    MODEL_YAML = "model.yaml", "BentoML's own description", "BentoML"
