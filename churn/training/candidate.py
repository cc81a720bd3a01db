"""Candidate model: training, export, evaluation and gate; then it is saved, and promoted if it may serve."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from churn.data.dataset import Dataset
from churn.errors import SchemaChangeRefused
from churn.evaluation import Evaluation, evaluate
from churn.registry import Registry
from churn.registry.writer import Writer
from churn.schema.record import MISSING_CATEGORY
from churn.training.champion import compare_with_current, current_or_none
from churn.training.encoding import LEVEL_ROWS, MOST_LEVELS, Inputs
from churn.training.export import check_parity, export_onnx
from churn.training.gate import Verdict, gate_candidate
from churn.training.model_files import library_versions, model_files
from churn.training.model_report import report_document, report_figures, report_files
from churn.training.options import Options
from churn.training.pipeline import train_model
from churn.training.report import Outcome, print_report


def train_candidate(
    dataset: Dataset, holdout: Dataset | None, registry: Registry, options: Options, model_name: str
) -> bool:
    """Make, evaluate, gate and save a model; returns whether it was promoted.

    Raises:
        TrainingError: no model can be fitted to the data, or its two forms disagree; nothing was saved.
        RegistryError: it could not be saved or promoted.
    """
    model = train_model(dataset, estimator=options.estimator, seed=options.seed, holdout=holdout)
    _report_rare(model.inputs)
    onnx = export_onnx(model)
    check_parity(model, onnx)
    evaluation = evaluate(model.predictions, options.seed)

    gate_f1 = dataset.schema.gate.f1 if options.gate_f1 is None else options.gate_f1

    def gated() -> Verdict:
        comparison = compare_with_current(registry, model_name, model.predictions, options.seed, dataset.schema)
        return gate_candidate(evaluation, gate_f1, comparison, options.margin)

    verdict = gated()
    facts = _facts(options, dataset, evaluation) | {"judged_on": model.predictions.source}
    files = model_files(model, onnx, dataset, facts)
    figures = report_figures(model, dataset, evaluation, options.seed)
    with registry.writing(create=True) as writer:  # until the promotion, nobody else promotes
        if current_or_none(registry) != verdict.comparison.tag:
            verdict = gated()  # another training was faster: its model is the champion now
        tag = writer.free_tag(model_name, options.version)
        document = report_document(tag, figures, verdict, json.loads(files["card.json"]))
        files |= report_files(document)
        outcome = _save(writer, model_name, options, verdict, files, facts | {"threshold": model.threshold})
    print_report(evaluation.metrics, verdict, outcome)
    return outcome.promoted


def _report_rare(inputs: Inputs) -> None:
    for name, rare in inputs.rare.items():
        if rare:
            total = len(rare) + len([text for text in inputs.categories[name] if text != MISSING_CATEGORY])
            sys.stderr.write(
                f"train.py: {name}: {len(rare):,} of {total:,} texts are rare (in fewer than {LEVEL_ROWS} rows, or "
                f"beyond the {MOST_LEVELS} most frequent); they are encoded like one that training has not seen\n"
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
        "metrics": {name: metric.value for name, metric in metrics.items()},
        "metric_intervals": {name: [metric.low, metric.high] for name, metric in metrics.items()},
    }


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
    tag = writer.save(model_name, options.version, files, entry)
    if not verdict.passed and options.force_reason is None:
        return Outcome(tag, promoted=False)
    reason = options.force_reason or "passed the gate"
    try:
        writer.promote(tag, reason, command="train.py", schema_change=options.accept_schema_change)
    except SchemaChangeRefused as change:
        return Outcome(tag, promoted=False, schema_change=str(change))
    return Outcome(tag, promoted=True, forced=options.force_reason)
