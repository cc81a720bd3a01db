"""Quality gate of a candidate: a verdict with each rule, its figure and its limit.

F1 alone proves nothing: on data where half the customers leave, always answering "churn" scores 0.7. So a
candidate must also tell customers apart, beyond what chance would explain. And where a model is in service, the
candidate must not be shown to be worse than that one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from churn.decision import F1, Campaign, Objective
from churn.evaluation import Evaluation
from churn.metrics import Floats
from churn.training.paired_bootstrap import ChampionComparison, Difference, Segment

CONFIDENCE = 0.99
CALIBRATION_SLACK = 0.05
MARGIN = 0.002
"""How much log loss, in nats, a candidate may lose to the champion (benchmarks/champion_power.py argues it)."""
AUC_MARGIN = 0.005
"""How much ROC AUC it may lose."""


@dataclass(frozen=True)
class GateCheck:
    """One rule.

    Attributes:
        rule: its name; `_lower_bound` and `_upper_bound` say that the figure is the end of an interval.
        figure: what is compared with the limit.
        limit: from which on, or up to which, the rule is kept.
        passed: whether it is kept.
        reason: what was found, in words.

    """

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
    evaluation: Evaluation,
    gate_f1: float | None,
    comparison: ChampionComparison | None = None,
    margin: float = MARGIN,
    objective: Objective = F1,
) -> Verdict:
    """Gate a candidate by its predictions for rows that it has not seen.

    Differences to a constant answer are taken within each bootstrap sample (paired), so that the luck of the
    sample cancels out.

    Args:
        evaluation: the metrics of those predictions.
        gate_f1: the F1 to reach, 0 to 1; None asks for none. Not asked of a threshold that was not chosen for F1.
        comparison: the comparison with the champion; one that was not possible blocks nothing.
        margin: nats of log loss that the candidate may lose to the champion, 0 or more.
        objective: what the threshold was chosen for.

    """
    comparison = comparison or ChampionComparison()
    decisions = _decisions(evaluation, gate_f1, objective)
    return Verdict((*decisions, *_probabilities(evaluation), *_beside_champion(comparison, margin)), comparison)


def _decisions(evaluation: Evaluation, gate_f1: float | None, objective: Objective) -> tuple[GateCheck, ...]:
    """What the threshold was chosen for is better than what needs no model."""
    if objective.campaign is not None:
        return (_profit_gain(evaluation, objective.campaign),)
    if objective.share is not None:
        return (_precision_gain(evaluation),)
    gain = _above_constant("f1_gain", "F1", evaluation.draws["f1"] - evaluation.draws["baseline_f1"])
    return (gain,) if gate_f1 is None else (_f1(evaluation, gate_f1), gain)


def _f1(evaluation: Evaluation, gate_f1: float) -> GateCheck:
    figure = evaluation.values["f1"]
    passed = figure >= gate_f1
    reason = f"F1 {'reaches' if passed else 'is below'} what --gate-f1, or else the schema, asks for"
    return GateCheck("f1", figure, gate_f1, passed, reason)


def _profit_gain(evaluation: Evaluation, campaign: Campaign) -> GateCheck:
    """Of the two constant answers, contacting nobody has profit 0."""
    counts = evaluation.count_draws
    constant = np.maximum(campaign.mean_profit_of_all(counts), 0.0)
    return _above_constant("profit_gain", "expected profit", campaign.mean_profit(counts) - constant)


def _above_constant(rule: str, metric: str, gain: Floats) -> GateCheck:
    """The gain over the best constant answer, [draws], is not below 0 beyond noise."""
    low, high = _lower(gain), _upper(gain)
    found = "is above" if low > 0 else "is below" if high < 0 else "is not shown to differ from"
    noise = ", beyond noise" if low > 0 or high < 0 else ""
    return GateCheck(f"{rule}_upper_bound", high, 0.0, high >= 0, f"{metric} {found} the best constant answer's{noise}")


def _precision_gain(evaluation: Evaluation) -> GateCheck:
    counts = evaluation.count_draws
    gain = evaluation.draws["precision"] - counts.churners / counts.rows
    what = "the churn rate of the contacted", "above that of all"
    return _beyond_noise("precision_gain", _lower(gain), 0.0, what)


def _probabilities(evaluation: Evaluation) -> tuple[GateCheck, ...]:
    """The probabilities tell customers apart, and are what they say."""
    draws = evaluation.draws
    loss_gain = draws["baseline_log_loss"] - draws["log_loss"]
    return (
        _beyond_noise("log_loss_gain", _lower(loss_gain), 0.0, ("log loss", "better than the base rate's")),
        _beyond_noise("roc_auc", _lower(draws["roc_auc"]), 0.5, ("ROC AUC", "above a coin's")),
        _calibration(evaluation),
    )


def _beyond_noise(rule: str, figure: float, limit: float, what: tuple[str, str]) -> GateCheck:
    passed = figure > limit
    subject, claim = what
    reason = f"{subject} is {claim}, beyond noise" if passed else f"{subject} is not shown to be {claim}"
    return GateCheck(f"{rule}_lower_bound", figure, limit, passed, reason)


def _calibration(evaluation: Evaluation) -> GateCheck:
    figure = evaluation.values["calibration_error"]
    # What a perfectly calibrated model stays below in 99 % of samples of this size.
    limit = CALIBRATION_SLACK + _upper(evaluation.cells.calibration_error_by_chance(seed=0, draws=400))
    passed = figure <= limit
    reason = f"the probabilities are {'not ' * passed}far from the shares that they promise"
    return GateCheck("calibration_error", figure, limit, passed, reason)


def _beside_champion(comparison: ChampionComparison, margin: float) -> tuple[GateCheck, ...]:
    """Each bound is the end of its difference nearest to "as good": beyond the limit, it is shown to be worse."""
    loss, auc = comparison.log_loss, comparison.roc_auc
    if loss is None or auc is None:
        return ()
    checks = [
        GateCheck("champion_log_loss_lower_bound", loss.low, margin, loss.low <= margin, _log_loss_found(loss, margin)),
        GateCheck("champion_roc_auc_upper_bound", auc.high, -AUC_MARGIN, auc.high >= -AUC_MARGIN, _roc_auc_found(auc)),
    ]
    if comparison.segments:
        worst = max(comparison.segments, key=lambda segment: segment.low)
        reason = _segments_found(comparison.segments, worst, margin)
        checks.append(GateCheck("champion_segments_lower_bound", worst.low, margin, worst.low <= margin, reason))
    return tuple(checks)


def _log_loss_found(loss: Difference, margin: float) -> str:
    return f"log loss is {_found(loss.low, loss.high, loss.candidate - loss.champion, margin)}"


def _roc_auc_found(auc: Difference) -> str:
    return f"ROC AUC is {_found(-auc.high, -auc.low, auc.champion - auc.candidate, AUC_MARGIN)}"


def _segments_found(segments: tuple[Segment, ...], worst: Segment, margin: float) -> str:
    if all(segment.high < 0 for segment in segments):
        return "log loss is better than the champion's in each segment"
    if worst.low <= 0:
        return "log loss is not shown to be worse than the champion's in any segment"
    found = _found(worst.low, worst.high, worst.difference, margin)
    return f"log loss of the segment {worst.feature} {worst.category} is {found}"


def _found(low: float, high: float, loss: float, margin: float) -> str:
    """What is shown of a loss to the champion, by its bounds.

    Args:
        low: of the loss, above 0 where the candidate is shown to be worse.
        high: of the loss.
        loss: the figure.
        margin: how much may be lost.

    """
    if high < 0:
        return "better than the champion's"
    if low <= 0:
        return "not shown to be worse than the champion's"
    if low > margin:
        return "worse than the champion's, by more than the margin allows"
    if loss <= margin:
        return "worse than the champion's, by less than the margin allows"
    return "worse than the champion's, but not shown to be so by more than the margin allows"


def _lower(draws: Floats) -> float:
    return float(np.quantile(draws, 1 - CONFIDENCE))


def _upper(draws: Floats) -> float:
    return float(np.quantile(draws, CONFIDENCE))
