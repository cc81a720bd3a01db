"""Options of a training."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Options of a training, one for each option of `train.py`.

    Attributes:
        data: CSV or Parquet file to train on; None takes `$CHURN_HOME/data/churn.csv`, or else the bundled set.
        schema: schema file; None takes `$CHURN_HOME/schema.toml`, or else the bundled one.
        holdout: file to evaluate the candidate on; None evaluates on rows of `data` that it has not seen.
        estimator: `logistic` or `hist-gradient-boosting`.
        version: of the stored model; None takes the next free one of v1, v2, ...
        seed: of every random choice.
        gate_f1: F1 that the candidate must reach, 0 to 1; None takes that of the schema, if it has one.
        margin: log loss, in nats, that it may lose to the model in service, 0 to 1.
        force_reason: why it is promoted whatever the gate says; None where it is not.
        accept_schema_change: why it may refuse requests that the model in service accepts; None: it may not.

    """

    data: Path | None
    schema: Path | None
    holdout: Path | None
    estimator: str
    version: str | None
    seed: int
    gate_f1: float | None
    margin: float
    force_reason: str | None
    accept_schema_change: str | None
