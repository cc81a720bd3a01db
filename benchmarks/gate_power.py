"""How often the gate lets noise pass and refuses honest models, and how good the promoted models are.

`python benchmarks/gate_power.py [--shuffled 200] [--honest 100] [--first-seed 0]`: every seed is a fresh set of 1,200
rows of the process in data/README.md. A model's ROC AUC and log loss are taken on a fresh million rows, beside what the
true probabilities reach there.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import log_loss, roc_auc_score

sys.path.insert(0, str(Path(__file__).parent.parent))

from churn.data.dataset import Dataset, simulate
from churn.evaluation import evaluate
from churn.schema.reading import bundled_schema
from churn.training.gate import gate_candidate
from churn.training.pipeline import train_model

ROWS = 1200
FRESH_ROWS = 1_000_000
MARGIN = 0.006


def main() -> None:
    """Run both halves and print their counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shuffled", type=int, default=200, help="seeds with a shuffled target")
    parser.add_argument("--honest", type=int, default=100, help="seeds with the true process")
    parser.add_argument("--first-seed", type=int, default=0, help="for sets that nobody has looked at yet")
    options = parser.parse_args()
    first = options.first_seed
    _shuffled(range(first, first + options.shuffled))
    _honest(range(first, first + options.honest))


def _shuffled(seeds: Sequence[int]) -> None:
    started = time.monotonic()
    refused = sum(not _gated(seed, shuffle=True)[1] for seed in seeds)
    print(f"target shuffled: {refused} of {len(seeds)} refused ({time.monotonic() - started:.0f} s)")


def _honest(seeds: Sequence[int]) -> None:
    frame, target, truth = simulate(FRESH_ROWS, seed=10**6)
    best_auc, best_loss = roc_auc_score(target, truth), log_loss(target, truth)
    passed, close = 0, 0
    gaps = []
    for seed in seeds:
        pipeline, verdict = _gated(seed, shuffle=False)
        probability = pipeline.predict_proba(frame)[:, 1]
        gap = best_auc - roc_auc_score(target, probability), log_loss(target, probability) - best_loss
        gaps.append(gap)
        passed += verdict
        close += max(gap) <= MARGIN
    print(f"true process: {passed} of {len(seeds)} passed")
    print(f"best reachable on {FRESH_ROWS:,} fresh rows: ROC AUC {best_auc:.4f}, log loss {best_loss:.4f}")
    medians, worst = np.median(gaps, axis=0), np.max(gaps, axis=0)
    print(f"within {MARGIN} of both: {close} of {len(seeds)}")
    print(f"ROC AUC lost: median {medians[0]:.4f}, worst {worst[0]:.4f}")
    print(f"log loss lost: median {medians[1]:.4f}, worst {worst[1]:.4f}")


def _gated(seed: int, *, shuffle: bool):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a pipeline and a bool
    frame, target, _ = simulate(ROWS, seed)
    if shuffle:
        target = np.random.default_rng(seed + 10**6).permutation(target)
    model = train_model(
        Dataset(Path("simulated"), "", frame, target, bundled_schema()), estimator="logistic", seed=seed
    )
    return model.pipeline, gate_candidate(evaluate(model.predictions, seed), gate_f1=0.60).passed


if __name__ == "__main__":
    main()
