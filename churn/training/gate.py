"""Quality gate of a candidate: a verdict with each rule, its figure and its limit.

F1 alone proves nothing: on data where half the customers leave, always answering "churn" scores 0.7. So a
candidate must also tell customers apart, beyond what chance would explain. And where a model is in service, the
candidate must not be shown to be worse than that one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from churn.evaluation import Evaluation, Floats
from churn.training.paired_bootstrap import ChampionComparison

CONFIDENCE = 0.99
CALIBRATION_SLACK = 0.05
MARGIN = 0.002
"""How much log loss, in nats, a candidate may lose to the champion (benchmarks/champion_power.py argues it)."""
AUC_MARGIN = 0.005
"""How much ROC AUC it may lose."""


@dataclass(frozen=True)
class GateCheck:
    """One rule: `figure` against `limit`; `reason` says in words what was compared."""

    rule: str
    figure: float
    limit: float
    passed: bool
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The gate's checks, all of which a candidate must pass, and the comparison on which some of them rest."""

    checks: tuple[GateCheck, ...]
    comparison: ChampionComparison

    @property
    def passed(self) -> bool:
        """Whether the candidate may serve."""
        return all(check.passed for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """For metadata.json."""
        return {
            "passed": self.passed,
            "checks": [vars(check) for check in self.checks],
            "champion": self.comparison.as_dict(),
        }


def gate_candidate(
    evaluation: Evaluation, gate_f1: float | None, comparison: ChampionComparison | None = None, margin: float = MARGIN
) -> Verdict:
    """Gate a candidate by its predictions for rows that it has not seen.

    Differences to a constant answer are taken within each bootstrap sample (paired), so that the luck of the
    sample cancels out.

    Args:
        evaluation: the metrics of those predictions.
        gate_f1: the F1 to reach, 0 to 1; None asks for none.
        comparison: the comparison with the champion; one that was not possible blocks nothing.
        margin: nats of log loss that the candidate may lose to the champion, 0 or more.

    """
    comparison = comparison or ChampionComparison()
    return Verdict((*_alone(evaluation, gate_f1), *_beside_champion(comparison, margin)), comparison)


def _alone(evaluation: Evaluation, gate_f1: float | None) -> tuple[GateCheck, ...]:
    figures, draws = evaluation.values, evaluation.draws
    f1_gain = draws["f1"] - draws["baseline_f1"]
    loss_gain = draws["baseline_log_loss"] - draws["log_loss"]
    # What a perfectly calibrated model stays below in 99 % of samples of this size.
    calibration_limit = CALIBRATION_SLACK + _upper(evaluation.cells.calibration_error_by_chance(seed=0, draws=400))
    reason = "F1 reaches what --gate-f1, or else the schema, asks for"
    asked = () if gate_f1 is None else (_at_least("f1", figures["f1"], gate_f1, reason),)
    return (
        *asked,
        _at_least("f1_gain", _upper(f1_gain), 0.0, "F1 is not below the best constant answer's by more than noise"),
        _above("log_loss_gain", _lower(loss_gain), 0.0, "log loss is better than the base rate's, beyond noise"),
        _above("roc_auc", _lower(draws["roc_auc"]), 0.5, "ROC AUC is above a coin's, beyond noise"),
        _at_most(
            "calibration_error",
            figures["calibration_error"],
            calibration_limit,
            "probabilities are not far from the shares that they promise",
        ),
    )


def _beside_champion(comparison: ChampionComparison, margin: float) -> tuple[GateCheck, ...]:
    """Each bound is the end of its difference nearest to "as good": beyond the limit, it is shown to be worse."""
    if comparison.log_loss is None or comparison.roc_auc is None:
        return ()
    checks = [
        _at_most(
            "champion_log_loss",
            comparison.log_loss.low,
            margin,
            "log loss is not shown to be worse than the champion's",
        ),
        _at_least(
            "champion_roc_auc",
            comparison.roc_auc.high,
            -AUC_MARGIN,
            "ROC AUC is not shown to be worse than the champion's",
        ),
    ]
    if comparison.segments:
        worst = max(comparison.segments, key=lambda segment: segment.low)
        where = f"worst: {worst.feature} {worst.category}"
        checks.append(_at_most("champion_segments", worst.low, margin, f"nor is log loss in any segment ({where})"))
    return tuple(checks)


def _lower(draws: Floats) -> float:
    return float(np.quantile(draws, 1 - CONFIDENCE))


def _upper(draws: Floats) -> float:
    return float(np.quantile(draws, CONFIDENCE))


def _at_most(rule: str, figure: float, limit: float, reason: str) -> GateCheck:
    return GateCheck(rule, figure, limit, figure <= limit, reason)


def _at_least(rule: str, figure: float, limit: float, reason: str) -> GateCheck:
    return GateCheck(rule, figure, limit, figure >= limit, reason)


def _above(rule: str, figure: float, limit: float, reason: str) -> GateCheck:
    return GateCheck(rule, figure, limit, figure > limit, reason)
