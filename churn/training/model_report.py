"""Model report of a candidate: the figures that need the model and its data, and the files that hold the report."""

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import PurePath
from typing import Any

import numpy as np

from churn.data.dataset import Dataset
from churn.decision import Campaign
from churn.evaluation import Evaluation, Predictions, exact_cells
from churn.model_report.calibration import calibration
from churn.model_report.columns import describe_columns
from churn.model_report.curves import histogram, precision_recall, roc
from churn.model_report.gains import gains
from churn.model_report.page import render_page
from churn.model_report.ranking import Ranking
from churn.model_report.segments import segments
from churn.model_report.tenths import tenths
from churn.model_report.thresholds import Confusion, confusion, trade_off
from churn.registry.entry import REPORT_FORMAT, REPORT_HTML, REPORT_JSON
from churn.training.drivers import drivers
from churn.training.gate import Verdict
from churn.training.pipeline import TrainedModel

_CARD = (
    "trained_at_utc",
    "data_file",
    "data_sha256",
    "rows",
    "customers",
    "estimator",
    "parameters",
    "schema",
    "seed",
    "threshold",
    "judged_on",
    "evaluated_sha256",
    "decision",
)
_FOLDERS = re.compile(
    r"""(?<![\w/\\:])(?:file://[^\s/]*)?(?:/?[A-Za-z]:)?[/\\]{1,2}"""
    r"""(?:[^\s/\\]+(?:[ ](?!\d+/\d)[^\s/\\'":,;]+)*[/\\])*(?=[^\s/\\])"""
)
"""The folders of an absolute path or file URL in a text; a folder may have spaces in its name, and `1/2` is none."""


def report_figures(model: TrainedModel, dataset: Dataset, evaluation: Evaluation, seed: int) -> dict[str, Any]:
    """The figures of the report that take time, before the registry is locked."""
    predictions, schema = model.predictions, model.inputs.schema
    ranking = Ranking.of(predictions.target, predictions.probability)
    shown, segments_found = segments(predictions, schema)
    return {
        "target": {"column": schema.target.column, "positive": list(schema.target.positive)},
        "metrics": {name: metric._asdict() for name, metric in evaluation.metrics.items()},
        "evaluated": _evaluated(predictions),
        "roc": roc(ranking),
        "precision_recall": precision_recall(ranking),
        "calibration": calibration(exact_cells(predictions)),
        "tenths": tenths(ranking),
        "histogram": histogram(predictions.target, predictions.probability),
        "thresholds": trade_off(ranking, model.threshold),
        "confusion": confusion(predictions.target, predictions.decision, model.threshold),
        "gains": gains(predictions, ranking, model.threshold, seed),
        "drivers": drivers(model, dataset, seed),
        "segments": shown,
        "segments_found": segments_found,
        "data": describe_columns(dataset.frame, schema),
    }


def report_document(tag: str, figures: Mapping[str, Any], verdict: Verdict, card: Mapping[str, Any]) -> dict[str, Any]:
    """The whole report as JSON: what `report.json` holds.

    Args:
        tag: the model's.
        figures: of `report_figures`.
        verdict: the gate's.
        card: content of `card.json`.

    """
    others = dict(figures)
    target, found = others.pop("target"), others.pop("gains")
    campaign, rows = _campaign(card), figures["evaluated"]["rows"]
    return {
        "format": REPORT_FORMAT,
        "tag": tag,
        "card": _card(card) | {"target": target},
        "gate": _gate(verdict),
        **others,
        "thresholds": [_with_profit(row, campaign, rows) for row in figures["thresholds"]],
        "confusion": _with_profit(figures["confusion"], campaign, rows),
        "profit": found.profit(campaign) if campaign else None,
    }


def report_files(document: Mapping[str, Any]) -> dict[str, bytes]:
    """The report's files of a stored model: `report.json` and `report.html`."""
    return {REPORT_JSON: json.dumps(document, allow_nan=False).encode(), REPORT_HTML: render_page(document)}


def _evaluated(predictions: Predictions) -> dict[str, int]:
    rows, customer = len(predictions.target), predictions.customer
    customers = rows if customer is None else int(customer.max()) + 1
    return {"rows": rows, "customers": customers, "churners": int(predictions.target.sum())}


def _card(card: Mapping[str, Any]) -> dict[str, Any]:
    """What the report tells of the card: the data by the name of its file, never by its path."""
    return {key: card[key] for key in _CARD} | {"data_file": PurePath(card["data_file"]).name}


def _gate(verdict: Verdict) -> dict[str, Any]:
    found = verdict.as_dict()
    problem = verdict.comparison.problem
    return found | {"champion": found["champion"] | {"problem": problem and _FOLDERS.sub("", problem)}}


def _campaign(card: Mapping[str, Any]) -> Campaign | None:
    decision = card["decision"]
    if decision["objective"] != "cost":
        return None
    return Campaign(*(decision[field.name] for field in fields(Campaign)))


def _with_profit(found: Confusion, campaign: Campaign | None, rows: int) -> Confusion:
    """With the profit per evaluated row; None where no campaign says what that is."""
    churners, contacted = (np.array(found[key], dtype=np.float64) for key in ("true_positives", "contacted"))
    return {**found, "profit": float(campaign.profit(churners, contacted)) / rows if campaign else None}
