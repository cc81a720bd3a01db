"""Metrics of weighted rows: one figure a draw of a bootstrap. Names and directions are scikit-learn's."""

import numpy as np
import numpy.typing as npt

type Floats = npt.NDArray[np.float64]

_TINY = np.finfo(np.float64).eps


def log_losses(target: npt.ArrayLike, probability: Floats) -> Floats:
    """[n] the log loss of each row, in nats; `target` may be one for all rows."""
    clipped = np.clip(probability, _TINY, 1 - _TINY)
    losses: Floats = -np.log(np.where(np.equal(target, 1), clipped, 1 - clipped))
    return losses


def roc_auc(positive: Floats, negative: Floats, starts: npt.NDArray[np.intp]) -> Floats:
    """[draws] chance that a churner's probability is above a stayer's, ties counting half (Mann-Whitney U).

    Args:
        positive: [draws, n] churners, in order of probability.
        negative: [draws, n] stayers; where either class is absent, the chance is 0.5.
        starts: the first of each group of equal probabilities.

    """
    churners, stayers = (np.add.reduceat(weights, starts, axis=1) for weights in (positive, negative))
    below = np.cumsum(stayers, axis=1) - stayers / 2
    pairs: Floats = churners.sum(axis=1) * stayers.sum(axis=1)
    return ratio((churners * below).sum(axis=1), pairs, where_undefined=0.5)


def average_precision(churners: Floats, stayers: Floats) -> Floats:
    """[draws] mean precision over churners, each at its own probability as threshold; scikit-learn's definition.

    Args:
        churners: [draws, n] rows of each distinct probability that churned, the highest probability first.
        stayers: [draws, n] those that did not.

    """
    hits = np.cumsum(churners, axis=1)
    precision = ratio(hits, hits + np.cumsum(stayers, axis=1))
    return ratio((churners * precision).sum(axis=1), hits[:, -1])


def lift(churners: Floats, stayers: Floats, share: float) -> Floats:
    """[draws] how many times the base rate the churn rate is among the `share` of rows with the highest probability.

    Of equal probabilities that lie across the border each row counts in part. Arguments as `average_precision`.
    """
    rows = churners + stayers
    ahead = np.cumsum(rows, axis=1)
    wanted = share * ahead[:, -1:]
    taken = ratio(np.clip(wanted - (ahead - rows), 0, rows), rows)
    found: Floats = (churners * taken).sum(axis=1)
    return ratio(found, share * churners.sum(axis=1))


def ratio(numerator: Floats, denominator: Floats, where_undefined: float = 0.0) -> Floats:
    """[n] numerator / denominator, which is 0 or more."""
    undefined = np.full_like(numerator, where_undefined)
    return np.divide(numerator, denominator, out=undefined, where=denominator > 0)
