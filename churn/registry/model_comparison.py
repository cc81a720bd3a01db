"""Comparison of two models by what is recorded of them: facts and metrics side by side, and what they say."""

from collections.abc import Mapping
from pathlib import PureWindowsPath
from typing import Any

from churn.registry.entry import ModelEntry
from churn.registry.table import Text, moment
from churn.schema.json_text import Json
from churn.text_layout import hanging_table, side_by_side, wrapped

_FACTS = (
    "model_tag", "trained_at_utc", "data_sha256", "rows", "estimator", "schema", "threshold", "decision", "judged_on",
    "evaluated_sha256", "seed", "passed_gate",
)  # fmt: skip
_OUT_OF_FOLD = "out-of-fold"
_NOT_RECORDED = "not recorded"
_SHOWN_DIGITS = 12


def compare_models(first: ModelEntry, second: ModelEntry) -> dict[str, Any]:
    """The comparison as JSON: `models` with the facts of both, `metrics`, `same_rows`, and `conclusion` in words.

    The metrics of each model are those of its own evaluation; `same_rows` says whether that was on the same rows.
    """
    names = dict.fromkeys([*first.metrics, *second.metrics])
    return {
        "models": [_facts(first), _facts(second)],
        "metrics": {name: _metric(first.metrics.get(name), second.metrics.get(name)) for name in names},
        "same_rows": _same_rows(first, second),
        "conclusion": _conclusion(first, second),
    }


def comparison_text(first: ModelEntry, second: ModelEntry) -> Text:
    """The comparison for people; the models are called A and B, so that no tag needs to fit a column."""
    compared = compare_models(first, second)
    described, others = _described(first), _described(second)
    facts = [("", "A", "B"), *((label, text, others[label]) for label, text in described.items())]
    metrics = [("metric", "A", "B", "B - A"), *(_row(name, found) for name, found in compared["metrics"].items())]
    return lambda width: [
        *(f"{name}  {entry.tag}" for name, entry in (("A", first), ("B", second))),
        "",
        *side_by_side(facts, ("A", "B"), width),
        "",
        *hanging_table(metrics, width),
        "",
        *wrapped(compared["conclusion"], width),
    ]


def _facts(entry: ModelEntry) -> dict[str, Any]:
    """The facts that decide how two models compare; of the data file its name alone."""
    return {key: entry.raw.get(key) for key in _FACTS} | {"data_file": _file_name(entry)}


def _described(entry: ModelEntry) -> dict[str, str]:
    raw = entry.raw
    schema = _object(raw.get("schema"))
    return {
        "trained (UTC)": moment(entry.trained_at) or _NOT_RECORDED,
        "data": _file_name(entry) or _NOT_RECORDED,
        "rows": _text(raw.get("rows")),
        "estimator": _text(raw.get("estimator")),
        "schema": f"{schema.get('name')} ({str(schema.get('digest'))[:_SHOWN_DIGITS]}...)" if schema else _NOT_RECORDED,
        "threshold": _text(raw.get("threshold")),
        "chosen for": _objective(_object(raw.get("decision"))),
        "evaluated on": _text(raw.get("judged_on")),
        "seed": _text(raw.get("seed")),
        "gate": _gate(entry),
    }


def _objective(decision: Mapping[str, Any]) -> str:
    """What a threshold was chosen for: an `Objective.as_dict()`, and for `cost` what is expected of it."""
    profit = _object(decision.get("expected_profit"))
    match decision.get("objective"):
        case "f1":
            return "the best F1"
        case "top":
            return f"the top {decision.get('share', 0):.1%} of customers"
        case "cost":
            inputs = ", ".join(f"{key} {value:,}" for key, value in decision.items() if isinstance(value, int | float))
            expected = "{value:,.2f} ({low:,.2f} to {high:,.2f})".format(**profit) if profit else _NOT_RECORDED
            return f"expected profit a customer: {expected}; {inputs}"
        case _:
            return _NOT_RECORDED


def _gate(entry: ModelEntry) -> str:
    gate = _object(entry.raw.get("gate"))
    checks = gate.get("checks")
    checks = map(_object, checks if isinstance(checks, list) else ())
    failed = ", ".join(str(check.get("rule")) for check in checks if not check.get("passed"))
    verdict = "passed" if entry.passed_gate else f"refused: {failed or 'no rule recorded'}"
    return f"{verdict}; promoted by force: {gate['forced']}" if gate.get("forced") else verdict


def _file_name(entry: ModelEntry) -> str | None:
    recorded = entry.raw.get("data_file")
    return PureWindowsPath(recorded).name if isinstance(recorded, str) else None  # of a path of either system


def _row(name: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    signs = ("", "", "+")
    return (name, *(_text(value, f"{sign}.4f") for sign, value in zip(signs, found.values(), strict=True)))


def _text(value: Json, form: str = "") -> str:
    if isinstance(value, int | float):
        return f"{value:{form or ','}}"
    return _NOT_RECORDED if value is None else str(value)


def _object(value: Json) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _metric(first: Json, second: Json) -> dict[str, Any]:
    both = isinstance(first, int | float) and isinstance(second, int | float)
    return {"first": first, "second": second, "difference": second - first if both else None}


def _same_rows(first: ModelEntry, second: ModelEntry) -> bool:
    digests = [entry.raw.get("evaluated_sha256") for entry in (first, second)]
    return digests[0] is not None and digests[0] == digests[1]


def _conclusion(first: ModelEntry, second: ModelEntry) -> str:
    if not _same_rows(first, second):
        return (
            "Each is evaluated on rows of its own (or an earlier release did not record which), so that the "
            "differences are of the rows too; `churn train` compares with the current model on the same rows."
        )
    if first.raw.get("judged_on") == _OUT_OF_FOLD and first.raw.get("seed") != second.raw.get("seed"):
        return "Both are evaluated on the same rows, but in other folds (another seed): chance is in the differences."
    return "Both are evaluated on the same rows: the differences are of the models alone."
