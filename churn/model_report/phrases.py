"""Words of a model report: terms, and sentences about its verdict, decision and data."""

from collections.abc import Iterable, Mapping
from typing import Any

from churn.page.words import number, percent

METRICS = {
    "roc_auc": (
        "ROC AUC",
        "chance that a customer who leaves gets a higher probability than one who stays; a coin: 0.5",
    ),
    "average_precision": (
        "average precision",
        "mean precision over all thresholds; flagging by chance: the churn rate",
    ),
    "lift_top_tenth": ("lift of the top tenth", "churn rate of the riskiest tenth, as a multiple of everybody's"),
    "precision": ("precision", "share of the flagged customers who leave"),
    "recall": ("recall", "share of the customers who leave that are flagged"),
    "f1": ("F1", "harmonic mean of precision and recall"),
    "accuracy": ("accuracy", "share of customers about whom the decision is right"),
    "log_loss": ("log loss", "penalty for probabilities far from what happened, in nats; lower is better"),
    "brier": ("Brier score", "mean squared error of the probabilities; lower is better"),
    "calibration_error": (
        "calibration error",
        "mean distance of probability and churn rate over bins; lower is better",
    ),
    "baseline_f1": ("F1 without a model", "of the better constant answer: flag everybody, or nobody"),
    "baseline_log_loss": ("log loss without a model", "of giving everybody the churn rate as probability"),
}
"""Metric -> its name and what it means, in the order of the table."""

LOWER_IS_BETTER = {"log_loss", "brier", "calibration_error"}

TERMS = {
    "flagged": "the probability is at or above the threshold",
    "threshold": "the probability from which on the answer is that a customer leaves",
    "95 % interval": "the figure would lie in it for 95 of 100 samples of customers like these (bootstrap)",
    "champion": "the model in service when this one was trained",
    "odds ratio": "what the odds of leaving, p / (1 - p), are multiplied by; 1 is no effect",
    "permutation importance": "how much log loss grows when the values of one feature are shuffled among customers",
    "out of fold": "by models fitted without the customer in question",
    "tenth": "a tenth of the customers, in order of their probability",
} | dict(METRICS.values())

IMPORTANCE_ROWS = {
    "holdout": "on the holdout, which the model has not seen",
    "held-out fifth": "on rows held out from a model of the same kind, fitted to the others",
    "training rows": "on the rows that the model was fitted to, as too few left to hold some out",
}
"""What importance was measured on -> its words."""

_BOUND = "the lower 99 % bound of the gain is {signed}, and must be above {limit}"
_CHANCE = "the upper 99 % bound of the gain is {signed}, and must reach {limit}"
_RULES = {
    "f1": "it is {figure}, and must reach {limit}",
    "f1_gain_upper_bound": _CHANCE,
    "profit_gain_upper_bound": _CHANCE,
    "precision_gain_lower_bound": _BOUND,
    "log_loss_gain_lower_bound": _BOUND,
    "roc_auc_lower_bound": "its lower 99 % bound is {figure}, and must be above {limit}",
    "calibration_error": "they are {figure} off on average, and up to {limit} is accepted",
    "champion_log_loss_lower_bound": "the lower 95 % bound of the excess is {signed}, and up to {limit} is accepted",
    "champion_roc_auc_upper_bound": "the upper 95 % bound of the difference is {signed}, and must reach {limit}",
    "champion_segments_lower_bound": "the worst lower 99 % bound is {signed}, and up to {limit} is accepted",
}
"""Rule of the gate -> what its figure and its limit are."""


def figure(value: float) -> str:
    """Three decimals, four of what is smaller than a hundredth, and none of thousands."""
    if abs(round(value, 3)) >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.3f}" if abs(value) >= 0.01 else f"{value:.4f}"
    return "0" if float(text) == 0 else text


def signed(value: float) -> str:
    """A difference: a figure with its sign, where it does not round to zero."""
    text = figure(value)
    return text if text == "0" or value < 0 else f"+{text}"


def small(value: float) -> str:
    """Four decimals, for figures that are compared with each other."""
    return f"{round(value, 4) + 0.0:.4f}"


def count(rows: float) -> str:
    """A number of customers, with a decimal where some count in part."""
    return f"{rows:,.0f}" if float(rows).is_integer() else f"{rows:,.1f}"


def verdict(document: Mapping[str, Any]) -> str:
    """Whether the gate lets a model serve."""
    checks = document["gate"]["checks"]
    failed = sum(not check["passed"] for check in checks)
    if document["gate"]["passed"]:
        return f"Passed: the gate's {len(checks)} rules are kept; the model may serve."
    return f"Refused: {failed} of the gate's {len(checks)} rules broken; the model serves only if someone forces it."


def rule(check: Mapping[str, Any]) -> str:
    """A rule of the gate as a sentence: what was found, its figure and its limit."""
    value, limit, reason = check["figure"], check["limit"], check["reason"]
    pattern = _RULES.get(check["rule"], "figure {figure}, limit {limit}")
    found = pattern.format(figure=figure(value), signed=signed(value), limit=figure(limit))
    return f"{reason[:1].upper()}{reason[1:]}: {found}."


def decision(card: Mapping[str, Any]) -> str:
    """The threshold, and how it was chosen."""
    how = _CHOICES[card["decision"]["objective"]](card["decision"])
    return f"A customer is flagged from a probability of {figure(card['threshold'])} on. This threshold {how}."


def _best_f1(_: Mapping[str, Any]) -> str:
    return "is chosen out of fold for the best F1; what a contact costs and what a customer is worth are not weighed"


def _greatest_profit(chosen: Mapping[str, Any]) -> str:
    expected = chosen.get("expected_profit")
    worth = f", {figure(expected['value'])} a customer ({interval(expected)})" if expected else ""
    return (
        f"is chosen out of fold for the greatest expected profit{worth}, where a contact costs "
        f"{number(chosen['contact_cost'])}, a customer who is kept is worth {number(chosen['customer_value'])}, "
        f"and {percent(chosen['success_rate'])} of those who would leave stay when contacted"
    )


def _top_share(chosen: Mapping[str, Any]) -> str:
    return f"flags the {percent(chosen['share'])} of customers with the highest probabilities"


_CHOICES = {"f1": _best_f1, "cost": _greatest_profit, "top": _top_share}


def interval(metric: Mapping[str, float]) -> str:
    """The ends of a 95 % interval."""
    return f"{figure(metric['low'])} to {figure(metric['high'])}"


def champion(gate: Mapping[str, Any]) -> str:
    """With what a model was compared, or why with nothing."""
    found = gate["champion"]
    if found["problem"] is not None:
        return f"Not compared with the model in service: {found['problem']}."
    if found["tag"] is None:
        return "Not compared: no model was in service when this one was trained."
    left_out = found["left_out"]
    others = f"; {count(left_out)} rows are left out, as the champion may have been fitted on them" if left_out else ""
    both = f"Both were evaluated on {count(found['rows'])} rows that neither was fitted on{others}."
    return f"{found['tag']} was in service. {both}"


def span(column: Mapping[str, Any]) -> str:
    """What the values of a column are: range and mean, or levels with their shares."""
    if "top" not in column:
        if column["mean"] is None:
            return "none"
        return f"{number(column['minimum'])} to {number(column['maximum'])}, mean {number(column['mean'])}"
    return f"{count(column['levels'])} levels"


def listed(names: Iterable[object]) -> str:
    """Names, at least one, as a list in a sentence."""
    *others, last = [str(name) for name in names]
    return f"{', '.join(others)} or {last}" if others else last
