"""Curves of a model report: ROC, precision over recall, and the histogram of probabilities by outcome."""

import heapq
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.model_report.ranking import Floats, Ranking

MOST_POINTS = 200
BINS = 20

type Indices = npt.NDArray[np.intp]


def roc(ranking: Ranking) -> dict[str, Any]:
    """The ROC curve from (0, 0), whose threshold is None, to (1, 1): scikit-learn's points, at most `MOST_POINTS`."""
    false_positive, true_positive = (
        _share(np.concatenate(([0.0], np.cumsum(part)))) for part in (ranking.stayers, ranking.churners)
    )
    kept = simplify(false_positive, true_positive, MOST_POINTS)
    return {
        "false_positive_rate": false_positive[kept].tolist(),
        "true_positive_rate": true_positive[kept].tolist(),
        "threshold": [None, *ranking.probability[kept[1:] - 1].tolist()],
    }


def precision_recall(ranking: Ranking) -> dict[str, Any]:
    """Precision over recall, by ascending recall: scikit-learn's points, at most `MOST_POINTS`.

    The first is recall 0 and precision 1 by convention; its threshold is None.
    """
    hits = np.cumsum(ranking.churners)
    precision = np.concatenate(([1.0], hits / (hits + np.cumsum(ranking.stayers))))
    recall = _share(np.concatenate(([0.0], hits)))
    kept = simplify(recall, precision, MOST_POINTS)
    return {
        "recall": recall[kept].tolist(),
        "precision": precision[kept].tolist(),
        "threshold": [None, *ranking.probability[kept[1:] - 1].tolist()],
    }


def histogram(target: npt.NDArray[np.int8], probability: Floats) -> dict[str, Any]:
    """How many churners and stayers have a probability in each of `BINS` equal bins; the last includes 1."""
    edges = np.arange(BINS + 1) / BINS
    churners, stayers = (np.histogram(probability[target == value], edges)[0].tolist() for value in (1, 0))
    return {"edges": edges.tolist(), "churners": churners, "stayers": stayers}


def simplify(x: Floats, y: Floats, most: int) -> Indices:
    """The indices, ascending, of at most so many points whose polygon is nearest to that of all; the ends are two.

    Again and again the point that lies furthest from the polygon is taken, until all others lie on it (Ramer 1972;
    Douglas and Peucker 1973).
    """
    kept = {0, len(x) - 1}
    waiting = [_furthest(x, y, 0, len(x) - 1)]
    while len(kept) < most and waiting:
        distance, start, middle, end = heapq.heappop(waiting)
        if distance == 0:
            break
        kept.add(middle)
        heapq.heappush(waiting, _furthest(x, y, start, middle))
        heapq.heappush(waiting, _furthest(x, y, middle, end))
    return np.array(sorted(kept))


def _furthest(x: Floats, y: Floats, start: int, end: int) -> tuple[float, int, int, int]:
    """(-distance, start, the point between them that is furthest from their line, end); distance 0 where none is."""
    if end - start < 2:
        return 0.0, start, start, end
    across, up = x[start : end + 1] - x[start], y[start : end + 1] - y[start]
    length = float(np.hypot(across[-1], up[-1]))
    # Twice the area of the triangle over its base.
    distance = np.abs(across * up[-1] - up * across[-1]) / length if length else np.hypot(across, up)
    middle = int(np.argmax(distance))
    far = float(distance[middle])
    return (-far if far > 1e-12 else 0.0), start, start + middle, end  # less is rounding


def _share(cumulated: Floats) -> Floats:
    shares: Floats = cumulated / cumulated[-1]
    return shares
