"""Gains and lift by tenth: of the rows with the highest probabilities, how many churned."""

from itertools import pairwise

import numpy as np

from churn.model_report.ranking import Ranking

TENTHS = 10


def tenths(ranking: Ranking) -> list[dict[str, float]]:
    """Ten equal parts of the rows, the highest probabilities first.

    Of equal probabilities that lie across a border each row counts in part, as in `metrics.lift`, so rows and
    churners may be fractions. `captured` is the share of all churners in this tenth and those before it.
    """
    rows, churners = (np.append(0.0, np.cumsum(part)) for part in (ranking.rows, ranking.churners))
    borders = rows[-1] * np.arange(TENTHS + 1) / TENTHS
    found = np.interp(borders, rows, churners)
    size, rate = float(rows[-1] / TENTHS), float(churners[-1] / rows[-1])
    return [
        {
            "rows": size,
            "churners": (after - before),
            "churn_rate": (after - before) / size,
            "lift": (after - before) / size / rate,
            "captured": after / float(churners[-1]),
        }
        for before, after in pairwise(found.tolist())
    ]
