"""Realised performance: metrics of labelled predictions beside those that training promised."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churn.console import reading
from churn.drift.labels import LabelCounts, load_labels
from churn.errors import NothingToJudge
from churn.evaluation import Metric, Predictions, evaluate
from churn.journal.files import journal_files, size
from churn.journal.moments import latest_moment
from churn.journal.record import FutureLines
from churn.journal.scan import Scan, open_scan
from churn.registry.entry import ModelEntry
from churn.schema.definition import Schema

FORMAT_VERSION = 1
REPORTED = ("f1", "roc_auc", "log_loss", "calibration_error")
_LOWER_IS_BETTER = frozenset({"log_loss", "calibration_error"})
_SEED = 42


@dataclass(frozen=True)
class Realised:
    """A metric of past predictions beside what training promised, each with its 95 % interval.

    Attributes:
        name: name of the metric.
        value: realised value.
        promised: value in training; None where training recorded none.

    """

    name: str
    value: Metric
    promised: Metric | None

    @property
    def worse(self) -> bool:
        """Whether it is worse than promised beyond noise: the two intervals do not overlap."""
        if self.promised is None:
            return False
        if self.name in _LOWER_IS_BETTER:
            return self.value.low > self.promised.high
        return self.value.high < self.promised.low


@dataclass(frozen=True)
class ModelPerformance:
    """Performance of one model on its predictions that have a label.

    Attributes:
        tag: BentoML tag of the model.
        rows: number of labelled predictions.
        metrics: realised metrics; empty where there are too few predictions, or all have one label.

    """

    tag: str
    rows: int
    metrics: tuple[Realised, ...]

    @property
    def worse(self) -> tuple[Realised, ...]:
        """The metrics that are worse than promised."""
        return tuple(metric for metric in self.metrics if metric.worse)


@dataclass(frozen=True)
class Performance:
    """Performance of every model with labelled predictions; lines dated later than now are no predictions."""

    models: tuple[ModelPerformance, ...]
    labels: LabelCounts
    future: FutureLines

    @property
    def below_promise(self) -> bool:
        """Whether any model did worse than training promised."""
        return any(model.worse for model in self.models)

    @property
    def summary(self) -> str:
        """One sentence: what was found, and what to do next."""
        worse = [f"{m.tag} ({', '.join(metric.name for metric in m.worse)})" for m in self.models if m.worse]
        if worse:
            return (
                f"Worse than training promised: {'; '.join(worse)}; run `churn drift` to see whether customers "
                "changed, and train on newer data (`churn train --data FILE`)."
            )
        return "As good as training promised, within noise; nothing to do."

    def as_json(self) -> dict[str, Any]:
        """The form that docs/drift.md documents."""
        return {
            "format_version": FORMAT_VERSION,
            "below_promise": self.below_promise,
            "summary": self.summary,
            "labels": asdict(self.labels),
            **self.future.as_json(),
            "models": [
                {"tag": model.tag, "rows": model.rows, "metrics": {m.name: _metric(m) for m in model.metrics}}
                for model in self.models
            ],
        }


def evaluate_performance(
    folder: Path,
    labels: Path,
    schema: Schema,
    entries: Mapping[str, ModelEntry],
    min_rows: int,
) -> Performance:
    """Join labels with the journal and evaluate each model's predictions.

    Args:
        folder: the journal's folder.
        labels: CSV or Parquet with `request_id` and the target's column.
        schema: says what that column is called, and what it may hold.
        entries: the registry's entry of each model, by tag.
        min_rows: number of labelled predictions below which a model is not evaluated.

    Raises:
        DataError: the labels cannot be used.
        NothingToJudge: no log, or for no model enough labels.
        JournalError: a file of the journal cannot be read.
    """
    files = journal_files(folder)
    with open_scan(latest_moment(), ids=True) as scan:
        with reading("the journal", sum(map(size, files))) as advance:
            scan.load(files, advance)
        counts, future = load_labels(scan, labels, schema), scan.future()
        if not counts.matched:
            raise NothingToJudge(
                f"none of the {counts.rows:,} labels of {labels} has a request_id that is in the log; are they the "
                f"ids that the answers of `POST /predict` gave?{future.note}"
            )
        rows = scan.connection.execute("SELECT model, count(*) FROM labelled GROUP BY 1 ORDER BY 1").fetchall()
        models = tuple(_evaluate(scan, tag, count, entries.get(tag), min_rows) for tag, count in rows)
    if not any(model.metrics for model in models):
        found = ", ".join(f"{model.tag} {model.rows:,}" for model in models)
        raise NothingToJudge(
            f"too few labelled predictions, or all with the same label ({found}); --min-rows asks for {min_rows}"
            f"{future.note}"
        )
    return Performance(models, counts, future)


def _evaluate(scan: Scan, tag: str, rows: int, entry: ModelEntry | None, min_rows: int) -> ModelPerformance:
    columns = scan.connection.execute(
        "SELECT probability, prediction, churn FROM labelled WHERE model = ?", [tag]
    ).fetchnumpy()
    if rows < min_rows or len(set(columns["churn"].tolist())) < 2:
        return ModelPerformance(tag, rows, ())
    target, decision = (np.asarray(columns[name], dtype=np.int8) for name in ("churn", "prediction"))
    probability = np.asarray(columns["probability"], dtype=np.float64)
    predictions = Predictions("later labels", pd.DataFrame(), target, probability, decision)
    metrics = evaluate(predictions, _SEED).metrics
    return ModelPerformance(
        tag, rows, tuple(Realised(name, metrics[name], _promised(entry, name)) for name in REPORTED)
    )


def _promised(entry: ModelEntry | None, name: str) -> Metric | None:
    if entry is None:
        return None
    value, interval = entry.metrics.get(name), entry.metric_intervals.get(name)
    if value is None or not isinstance(interval, Sequence) or len(interval) != 2:
        return None
    return Metric(float(value), float(interval[0]), float(interval[1]))


def _metric(metric: Realised) -> dict[str, Any]:
    promised = metric.promised._asdict() if metric.promised else None
    return {**metric.value._asdict(), "promised": promised, "worse": metric.worse}
