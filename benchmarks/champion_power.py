"""How often the comparison with the champion lets a spoilt candidate pass and refuses an honest one.

`python benchmarks/champion_power.py [--seeds 100] [--first-seed 0] [--margins 0 0.002] [--estimator logistic]`: for
every seed, a champion, an honest candidate and one trained with 30 % of its targets flipped, on 1,200 rows each, fresh
rows of the process in data/README.md; all are evaluated on a clean holdout of another 1,200. `OPENBLAS_NUM_THREADS=1`
makes it quicker.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from churn.data.dataset import Dataset, simulate
from churn.evaluation import Evaluation, evaluate
from churn.model.scorer import Scorer
from churn.schema.reading import bundled_schema
from churn.training.champion import Champion, compare
from churn.training.estimators import ESTIMATORS
from churn.training.export import candidate_scorer, export_onnx
from churn.training.gate import MARGIN, gate_candidate
from churn.training.leakage import TrainingRows
from churn.training.paired_bootstrap import ChampionComparison
from churn.training.pipeline import TrainedModel, train_model

ROWS = 1200
FLIPPED = 0.3
GATE_F1 = 0.60
KINDS = ("honest", "flipped")

type Compared = tuple[Evaluation, ChampionComparison]


def main() -> None:
    """Run every seed once and print how each margin would gate it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100, help="how many (default: %(default)s)")
    parser.add_argument("--first-seed", type=int, default=0, help="for sets that nobody has looked at yet")
    parser.add_argument("--margins", type=float, nargs="+", default=[0.0, 0.0015, MARGIN, 0.003])
    parser.add_argument("--estimator", choices=ESTIMATORS, default="logistic")
    options = parser.parse_args()
    started = time.monotonic()
    found_by_kind: dict[str, list[Compared]] = {kind: [] for kind in KINDS}
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for kind, found in zip(KINDS, _one_seed(seed, options.estimator), strict=True):
            found_by_kind[kind].append(found)
    print(f"{options.estimator}, {options.seeds} seeds ({time.monotonic() - started:.0f} s)")
    print("margin  honest refused  flipped promoted")
    for margin in options.margins:
        verdicts = {kind: [gate_candidate(*_at(found, margin)) for found in found_by_kind[kind]] for kind in KINDS}
        refused = sum(not verdict.passed for verdict in verdicts["honest"])
        promoted = sum(verdict.passed for verdict in verdicts["flipped"])
        print(f"{margin:6.4f}  {refused:14}  {promoted:16}")
        for kind in KINDS:
            rules = Counter(check.rule for verdict in verdicts[kind] for check in verdict.checks if not check.passed)
            print(f"        {kind} refused by: {_counted(rules.items())}")
    for kind in KINDS:
        differences = [
            found.log_loss.candidate - found.log_loss.champion for _, found in found_by_kind[kind] if found.log_loss
        ]
        print(f"{kind}: log loss less the champion's, quantiles 5/50/95 %: {_quantiles(differences)}")


def _one_seed(seed: int, estimator: str) -> tuple[Compared, ...]:
    sets = [_simulated(seed * 4 + number) for number in range(4)]
    champion_set, honest_set, flipped_set, holdout = sets
    flips = np.random.default_rng(seed).random(ROWS) < FLIPPED
    flipped_set = replace(flipped_set, target=np.where(flips, 1 - flipped_set.target, flipped_set.target))
    crowned = train_model(champion_set, estimator=estimator, seed=seed, holdout=holdout)
    champion = Champion(_scorer(crowned), TrainingRows.of(champion_set.frame))
    return tuple(_compared(champion, candidate, holdout, estimator, seed) for candidate in (honest_set, flipped_set))


def _compared(champion: Champion, candidate: Dataset, holdout: Dataset, estimator: str, seed: int) -> Compared:
    model = train_model(candidate, estimator=estimator, seed=seed, holdout=holdout)
    found = compare(champion, model.predictions, seed)
    return evaluate(model.predictions, seed), found


def _scorer(model: TrainedModel) -> Scorer:
    return candidate_scorer(model, export_onnx(model))


def _simulated(seed: int) -> Dataset:
    frame, target, _ = simulate(ROWS, seed)
    return Dataset(Path("simulated"), "", frame, target, bundled_schema())


def _at(found: Compared, margin: float) -> tuple[Evaluation, float, ChampionComparison, float]:
    return found[0], GATE_F1, found[1], margin


def _counted(items: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{rule} {count}" for rule, count in sorted(items, key=lambda item: -item[1])) or "none"


def _quantiles(values: Sequence[float]) -> str:
    return " ".join(f"{value:+.4f}" for value in np.quantile(values, [0.05, 0.5, 0.95]))


if __name__ == "__main__":
    main()
