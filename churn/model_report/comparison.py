"""Two report documents beside each other: facts, differences of metrics, and of the tables they were trained on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from churn.model_report.phrases import LOWER_IS_BETTER, METRICS, count, decision, figure
from churn.page.words import moment, percent

type Document = Mapping[str, Any]

_BASELINES = {"baseline_f1", "baseline_log_loss"}


@dataclass(frozen=True)
class MetricPair:
    """A metric of two models, each with its 95 % interval.

    Attributes:
        difference: second less first.
        better: `first`, `second`, or nothing where neither is, or where the metric is of no model.
        overlap: whether the intervals have figures in common.

    """

    name: str
    first: Mapping[str, float]
    second: Mapping[str, float]
    difference: float
    better: str
    overlap: bool


def metric_pairs(first: Document, second: Document) -> list[MetricPair]:
    """The metrics that both documents have."""
    pairs = ((name, first["metrics"].get(name), second["metrics"].get(name)) for name in METRICS)
    return [_metric_pair(name, ours, theirs) for name, ours, theirs in pairs if ours and theirs]


def _metric_pair(name: str, first: Mapping[str, float], second: Mapping[str, float]) -> MetricPair:
    difference = second["value"] - first["value"]
    gain = -difference if name in LOWER_IS_BETTER else difference
    better = "" if name in _BASELINES or gain == 0 else "second" if gain > 0 else "first"
    overlap = first["low"] <= second["high"] and second["low"] <= first["high"]
    return MetricPair(METRICS[name][0], first, second, difference, better, overlap)


def same_rows(first: Document, second: Document) -> bool:
    """Whether both were evaluated on the same rows."""
    digests = [document["card"]["evaluated_sha256"] for document in (first, second)]
    return bool(digests[0] == digests[1])


def facts(first: Document, second: Document) -> list[tuple[str, str, str]]:
    """(Name, of the first, of the second) of what describes a model."""
    return [(name, ours, theirs) for (name, ours), (_, theirs) in zip(_facts(first), _facts(second), strict=True)]


def _facts(document: Document) -> list[tuple[str, str]]:
    card, evaluated = document["card"], document["evaluated"]
    parameters = "".join(f", {name} {value}" for name, value in card["parameters"].items())
    return [
        ("trained", moment(card["trained_at_utc"])),
        ("data", f"{card['data_file']}, {count(card['rows'])} rows"),
        ("SHA-256 of the data", card["data_sha256"]),
        ("evaluated on", f"{count(evaluated['rows'])} rows ({card['judged_on']})"),
        ("churn rate of those", percent(evaluated["churners"] / max(evaluated["rows"], 1))),
        ("estimator", card["estimator"] + parameters),
        ("schema", card["schema"]["name"]),
        ("digest of the schema", card["schema"]["digest"]),
        ("threshold", figure(card["threshold"])),
        ("decision", decision(card)),
    ]


def schema_differences(first: Document, second: Document) -> list[str]:
    """What differs in target and features, in sentences."""
    targets = [(item["card"]["target"]["column"], item["card"]["target"]["positive"]) for item in (first, second)]
    found = [] if targets[0] == targets[1] else ["They predict different things: the target is not the same."]
    ours, theirs = ({column["feature"]: column["kind"] for column in item["data"]} for item in (first, second))
    found += [f"{name} is a feature of the first only." for name in ours if name not in theirs]
    found += [f"{name} is a feature of the second only." for name in theirs if name not in ours]
    return found + [
        f"{name} is of kind {kind} in the first and {theirs[name]} in the second."
        for name, kind in ours.items()
        if theirs.get(name, kind) != kind
    ]
