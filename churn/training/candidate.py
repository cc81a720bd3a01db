"""Candidate model: training, export, evaluation and gate; then it is saved, and promoted if it may serve."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from churn import console
from churn.cli import called_as, tell
from churn.data.copies import row_digests
from churn.data.dataset import Dataset
from churn.decision import Objective
from churn.errors import RegistryError, SchemaChangeRefused
from churn.evaluation import Evaluation, Predictions, evaluate
from churn.registry import Registry
from churn.registry.entry import REPORT_HTML
from churn.registry.reports import write_page
from churn.registry.writer import Writer
from churn.schema.record import MISSING_CATEGORY
from churn.stored_files import ModelFile
from churn.training.champion import compare_with_current, current_or_none
from churn.training.encoding import LEVEL_ROWS, MOST_LEVELS, Inputs
from churn.training.export import check_parity, export_onnx
from churn.training.gate import Verdict, gate_candidate
from churn.training.model_files import library_versions, model_files
from churn.training.model_report import report_document, report_figures, report_files
from churn.training.options import Options
from churn.training.pipeline import TrainedModel, train_model
from churn.training.report import Chosen, Outcome, print_report


def train_candidate(
    dataset: Dataset, holdout: Dataset | None, registry: Registry, options: Options, model_name: str
) -> bool:
    """Make, evaluate, gate and save a model; returns whether it was promoted.

    Raises:
        TrainingError: no model can be fitted to the data, or its two forms disagree; nothing was saved.
        RegistryError: it could not be saved or promoted.
    """
    model, onnx = _train(dataset, holdout, options)
    with console.phase("evaluating the predictions"):
        evaluation = evaluate(model.predictions, options.seed)
    gate_f1 = dataset.schema.gate.f1 if options.gate_f1 is None else options.gate_f1

    def gated() -> Verdict:
        with console.phase("comparing with the model in service"):
            comparison = compare_with_current(registry, model_name, model.predictions, options.seed, dataset.schema)
            return gate_candidate(evaluation, gate_f1, comparison, options.margin, model.objective)

    verdict = gated()
    facts = _facts(options, dataset, evaluation) | _evaluated(model.predictions) | {"estimator": model.estimator}
    with console.phase("drawing up the report"):
        files = model_files(model, onnx, dataset, facts)
        figures = report_figures(model, dataset, evaluation, options.seed)
    with ExitStack() as stack:
        with console.phase("waiting for the registry"):  # until the promotion, nobody else promotes
            writer = stack.enter_context(registry.writing(create=True))
        if current_or_none(registry) != verdict.comparison.tag:
            verdict = gated()  # another training was faster: its model is the champion now
        tag = writer.free_tag(model_name, options.version)
        with console.phase("writing the report"):
            files |= report_files(report_document(tag, figures, verdict, json.loads(files[ModelFile.CARD.path])))
        outcome = _save(writer, model_name, options, verdict, files, facts | {"threshold": model.threshold})
    print_report(evaluation, verdict, Chosen(model.objective, model.threshold, gate_f1), outcome)
    if options.report is not None:
        _write_page(options.report, files[REPORT_HTML], outcome.tag)
    return outcome.promoted


def _train(dataset: Dataset, holdout: Dataset | None, options: Options) -> tuple[TrainedModel, bytes]:
    """A trained model and its serving form."""
    model = train_model(
        dataset, estimator=options.estimator, seed=options.seed, holdout=holdout, objective=options.objective
    )
    _report_rare(model.inputs)
    with console.phase("writing the model in its serving form (ONNX)"):
        onnx = export_onnx(model)
    with console.phase("checking that both forms of the model agree"):
        check_parity(model, onnx)
    return model, onnx


def _report_rare(inputs: Inputs) -> None:
    for name, rare in inputs.rare.items():
        if rare:
            total = len(rare) + len([text for text in inputs.categories[name] if text != MISSING_CATEGORY])
            tell(
                called_as(),
                f"{name}: {len(rare):,} of {total:,} texts are rare (in fewer than {LEVEL_ROWS} rows, or "
                f"beyond the {MOST_LEVELS} most frequent); they are encoded like one that training has not seen",
            )


def _facts(options: Options, dataset: Dataset, evaluation: Evaluation) -> dict[str, Any]:
    metrics = evaluation.metrics
    return {
        "trained_at_utc": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "data_file": str(dataset.path),
        "data_sha256": dataset.sha256,
        "rows": dataset.rows,
        "customers": dataset.customers,
        "schema": {"name": dataset.schema.name, "digest": dataset.schema.digest},
        "seed": options.seed,
        "decision": _decision(options.objective, evaluation),
        "metrics": {name: metric.value for name, metric in metrics.items()},
        "metric_intervals": {name: [metric.low, metric.high] for name, metric in metrics.items()},
    }


def _evaluated(predictions: Predictions) -> dict[str, str]:
    """What the model was evaluated on: in words, and a digest that is equal where the rows are, in any order."""
    rows = np.sort(row_digests(predictions.frame) * np.uint64(2) + predictions.target.astype(np.uint64))
    return {"judged_on": predictions.source, "evaluated_sha256": hashlib.sha256(rows.tobytes()).hexdigest()}


def _decision(objective: Objective, evaluation: Evaluation) -> dict[str, Any]:
    """What the threshold was chosen for, with what came of it where that is money."""
    if objective.campaign is None:
        return objective.as_dict()
    return objective.as_dict() | {"expected_profit": evaluation.expected_profit(objective.campaign)._asdict()}


def _save(
    writer: Writer,
    model_name: str,
    options: Options,
    verdict: Verdict,
    files: Mapping[str, bytes],
    facts: Mapping[str, Any],
) -> Outcome:
    """Save the model, and promote it if it may."""
    entry = {
        **facts,
        "gate": verdict.as_dict() | {"forced": options.force_reason},
        "passed_gate": verdict.passed,
        "library_versions": library_versions(),
    }
    with console.phase("saving the model"):
        tag = writer.save(model_name, options.version, files, entry)
    if not verdict.passed and options.force_reason is None:
        return Outcome(tag, promoted=False)
    reason = options.force_reason or "passed the gate"
    try:
        with console.phase("making it the current model"):
            writer.promote(tag, reason, command=called_as(), schema_change=options.accept_schema_change)
    except SchemaChangeRefused as change:
        return Outcome(tag, promoted=False, schema_change=str(change))
    return Outcome(tag, promoted=True, forced=options.force_reason)


def _write_page(path: Path, page: bytes, tag: str) -> None:
    """Write the report's page where it was asked for; without it, what became of the model still stands."""
    try:
        write_page(path, page)
    except RegistryError as error:
        tell(called_as(), f"{error}; `churn registry show {tag} --html FILE` writes it")
