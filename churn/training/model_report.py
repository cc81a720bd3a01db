"""Model report of a candidate: the figures that need the model and its data, and the files that hold the report."""

import json
from collections.abc import Mapping
from typing import Any

from churn.data.dataset import Dataset
from churn.evaluation import Evaluation
from churn.model_report.page import render_page
from churn.training.gate import Verdict
from churn.training.pipeline import TrainedModel

REPORT_JSON, REPORT_HTML = "report.json", "report.html"


def report_figures(model: TrainedModel, dataset: Dataset, evaluation: Evaluation, seed: int) -> dict[str, Any]:
    """The figures of the report that take time, before the registry is locked."""
    return {}


def report_document(
    tag: str, figures: Mapping[str, Any], verdict: Verdict, card: Mapping[str, Any]
) -> dict[str, Any]:
    """The whole report as JSON: what `report.json` holds."""
    return {"tag": tag}


def report_files(document: Mapping[str, Any]) -> dict[str, bytes]:
    """The report's files of a stored model: `report.json` and `report.html`."""
    return {REPORT_JSON: json.dumps(document).encode(), REPORT_HTML: render_page(document)}
