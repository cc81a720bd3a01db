"""Calibration of probabilities: the churn rate beside the mean probability in bins of equally many rows."""

import math
from statistics import NormalDist

import numpy as np

from churn.evaluation import CALIBRATION_BINS, Cells

Z_95 = NormalDist().inv_cdf(0.975)


def calibration(cells: Cells) -> list[dict[str, float]]:
    """The bins of the calibration error, by ascending probability; one that is empty is left out.

    Each churn rate has Wilson's 95 % interval for as many customers as the rows are worth: copies of a customer are
    no more than one. Where customers have unequally many rows, that is Kish's effective sample size (1965),
    (sum of rows)^2 / sum of rows^2, and with equally many the number of different customers.
    """
    rows, squares, probability, churners = (
        np.bincount(cells.calibration_bin, weights=cells.count * part, minlength=CALIBRATION_BINS)
        for part in (cells.size, cells.size**2, cells.size * cells.probability, cells.positive)
    )
    return [
        {
            "rows": int(rows[part]),
            "mean_probability": float(probability[part] / rows[part]),
            "churn_rate": float(churners[part] / rows[part]),
            **_interval(float(churners[part] / rows[part]), float(rows[part] ** 2 / squares[part])),
        }
        for part in np.flatnonzero(rows)
    ]


def _interval(rate: float, customers: float) -> dict[str, float]:
    low, high = wilson_interval(rate, customers)
    return {"low": low, "high": high}


def wilson_interval(rate: float, customers: float) -> tuple[float, float]:
    """95 % interval of a share, in [0, 1] and around it (Wilson 1927).

    Args:
        rate: the share found, 0 to 1.
        customers: of how many independent ones, above 0.

    """
    spread = Z_95**2 / customers
    middle = (rate + spread / 2) / (1 + spread)
    half = math.sqrt(rate * (1 - rate) * spread + spread**2 / 4) / (1 + spread)
    return max(min(middle - half, rate), 0.0), min(max(middle + half, rate), 1.0)
