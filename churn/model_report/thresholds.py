"""Confusion at each threshold: who would be contacted, and who of them would have left."""

import numpy as np
import numpy.typing as npt

from churn.model_report.ranking import Ranking

type Confusion = dict[str, float | None]

_STEPS = tuple(step / 20 for step in range(1, 20))


def trade_off(ranking: Ranking, served: float) -> list[Confusion]:
    """The confusion at 0.05, 0.10, ... 0.95 and at the served threshold, in order."""
    churners, stayers = int(ranking.churners.sum()), int(ranking.stayers.sum())
    rows = []
    for threshold in sorted({*_STEPS, served}):
        hits, others = ranking.above(threshold)
        rows.append(_confusion(threshold, hits, others, churners - hits, stayers - others))
    return rows


def confusion(target: npt.NDArray[np.int8], decision: npt.NDArray[np.int8], served: float) -> Confusion:
    """The confusion of decisions, each by a threshold that was chosen without the row; `served` is only noted."""
    (true_negatives, false_positives), (false_negatives, true_positives) = (
        np.bincount(target * 2 + decision, minlength=4).reshape(2, 2).tolist()
    )
    return _confusion(served, true_positives, false_positives, false_negatives, true_negatives)


def _confusion(
    threshold: float, true_positives: int, false_positives: int, false_negatives: int, true_negatives: int
) -> Confusion:
    """Precision, recall and F1 are 0 where undefined."""
    contacted, churners = true_positives + false_positives, true_positives + false_negatives
    return {
        "threshold": threshold,
        "contacted": contacted,
        "true_positives": true_positives,
        "false_positives": false_positives,
        "false_negatives": false_negatives,
        "true_negatives": true_negatives,
        "precision": true_positives / max(contacted, 1),
        "recall": true_positives / max(churners, 1),
        "f1": 2 * true_positives / max(contacted + churners, 1),
    }
