"""Permutation importance of features: how much worse the predictions are once a feature's values are shuffled."""

from collections.abc import Sequence

import numpy as np

from churn.metrics import log_losses, roc_auc
from churn.training.encoded_columns import EncodedColumns
from churn.training.estimators import Classifier, Floats
from churn.training.sample import Target

REPEATS = 5
MOST_ROWS = 2_000
FEWEST_ROWS = 200
_MOST_PREDICTIONS = 200_000


def most_rows(features: int) -> int:
    """How many rows are evaluated with so many features: fewer where those are many."""
    return min(max(_MOST_PREDICTIONS // (REPEATS * features), FEWEST_ROWS), MOST_ROWS)


def permutation_importance(
    classifier: Classifier, encoded: Floats, target: Target, features: Sequence[str], columns: EncodedColumns, seed: int
) -> list[dict[str, str | float]]:
    """Increase of log loss and fall of ROC AUC, means of `REPEATS` shuffles of each feature (Breiman 2001).

    The largest increase first. All columns of a feature are shuffled as one; `log_loss_sd` is the standard deviation
    over the shuffles.

    Args:
        classifier: a fitted one.
        encoded: [n, k] inputs.
        target: [n] of 0 and 1.
        features: the names.
        columns: of the inputs.
        seed: of the shuffles.

    """
    rng = np.random.default_rng(seed)
    usual_loss, usual_auc = (float(part[0]) for part in _figures(classifier, encoded, target))
    found: list[dict[str, str | float]] = []
    for name in features:
        own = columns.of_feature(name)
        shuffled = np.tile(encoded, (REPEATS, 1))
        shuffled[:, own] = np.concatenate([encoded[rng.permutation(len(encoded))][:, own] for _ in range(REPEATS)])
        losses, aucs = _figures(classifier, shuffled, target)
        found.append(
            {
                "feature": name,
                "log_loss": float(losses.mean()) - usual_loss,
                "log_loss_sd": float(losses.std(ddof=1)),
                "roc_auc": usual_auc - float(aucs.mean()),
            }
        )
    return sorted(found, key=lambda row: -float(row["log_loss"]))


def _figures(classifier: Classifier, encoded: Floats, target: Target) -> tuple[Floats, Floats]:
    """([repeats] log losses, [repeats] areas under the ROC curve) of [repeats * n, k] inputs."""
    probabilities = classifier.predict_proba(encoded)[:, 1].reshape(-1, len(target))
    losses = np.array([log_losses(target, probability).mean() for probability in probabilities])
    return losses, np.array([_roc_auc(target, probability) for probability in probabilities])


def _roc_auc(target: Target, probability: Floats) -> float:
    order = np.argsort(probability, kind="stable")
    churned = (target[order] == 1).astype(np.float64)[None, :]
    if churned.min() == churned.max():
        return 0.5  # of one outcome there is nothing to tell apart
    starts = np.flatnonzero(np.diff(probability[order], prepend=-1.0))
    return float(roc_auc(churned, 1 - churned, starts)[0])
