"""How much expected profit the threshold of `--threshold cost` leaves, and what other ways of choosing it leave.

`python benchmarks/threshold_profit.py [--seeds 20] [--first-seed 0] [--rows 1200 2500 5000]`: every seed is a fresh set
of customers whose true probabilities are known: of the process in data/README.md, or of one with steps and an
interaction, which no logistic model can learn. A threshold's expected profit is taken under the true probabilities of
200,000 fresh customers, scored by the fitted model, and compared with that of the best threshold for this model.

The ways: `chosen` is `churn/training/threshold.py`'s; `curve` takes the greatest profit over the out-of-fold rows;
`break-even` is the campaign's, by the probabilities as they are. `below truth` is what the best threshold of the model
loses to deciding by the true probabilities.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parent.parent))

from churn.data.simulation import Simulated, simulate
from churn.decision import Campaign
from churn.metrics import Floats
from churn.schema.reading import bundled_schema
from churn.training.encoding import Inputs, fit_encoder
from churn.training.estimators import ESTIMATORS, Estimator
from churn.training.sample import Sample, Target
from churn.training.selection import predict_out_of_fold
from churn.training.threshold import profit_threshold

FRESH_ROWS = 200_000
BREAK_EVENS = (0.1, 0.3, 0.5)
WITHIN = 0.02

type OutOfFold = tuple[Target, Floats]


def main() -> None:
    """Print a line for each process, estimator, number of rows and break-even."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20, help="how many (default: %(default)s)")
    parser.add_argument("--first-seed", type=int, default=0, help="for sets that nobody has looked at yet")
    parser.add_argument("--rows", type=int, nargs="+", default=[1200, 2500, 5000])
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    print(f"each way: seeds of {len(seeds)} within {WITHIN:.0%} of the model's best threshold, median and largest loss")
    heads = "".join(f"{way:>26}" for way in WAYS)
    print(f"{'process':9}{'estimator':24}{'rows':>6}{'break-even':>12}{'below truth':>13}{heads}")
    for process, draw in PROCESSES.items():
        fresh = draw(FRESH_ROWS, 10**6)
        for estimator in ESTIMATORS:
            for rows in options.rows:
                with threadpool_limits(1):
                    fitted = [_fit(draw(rows, seed), fresh, ESTIMATORS[estimator], seed) for seed in seeds]
                for break_even in BREAK_EVENS:
                    campaign = Campaign(break_even, 1.0, 1.0)
                    start = f"{process:9}{estimator:24}{rows:6}{break_even:12}"
                    print(start + _line(campaign, fitted, fresh[2]), flush=True)


def _line(campaign: Campaign, fitted: list[tuple[OutOfFold, Floats]], truth: Floats) -> str:
    best_of_all = np.maximum(truth - campaign.break_even, 0).mean()
    losses: dict[str, list[float]] = {way: [] for way in WAYS}
    lost_to_truth = []
    for (target, probability), scored in fitted:
        order = np.argsort(-scored)
        ranked = scored[order]
        profits = np.append(0, np.cumsum(truth[order] - campaign.break_even)) / len(truth)
        best = profits[np.append(True, np.append(ranked[1:] != ranked[:-1], True))].max()
        lost_to_truth.append(1 - best / best_of_all)
        for way, choose in WAYS.items():
            contacted = np.searchsorted(-ranked, -choose(campaign, target, probability), side="right")
            losses[way].append(1 - profits[contacted] / best)
    found = "".join(f"{_within(lost):4} {np.median(lost):9.2%} {np.max(lost):11.2%}" for lost in losses.values())
    return f"{np.median(lost_to_truth):13.2%}{found}"


def _within(lost: list[float]) -> int:
    return sum(loss <= WITHIN for loss in lost)


def _fit(drawn: Simulated, fresh: Simulated, estimator: Estimator, seed: int) -> tuple[OutOfFold, Floats]:
    """The out-of-fold rows that a threshold is chosen by, and the fitted model's probabilities for fresh customers."""
    frame, target, _ = drawn
    inputs = Inputs.of(frame, bundled_schema())
    sample = Sample(frame, target, np.arange(len(target)))
    parameters, probability = predict_out_of_fold(sample, inputs, estimator, seed)
    encoder = fit_encoder(frame, inputs, scaled=estimator.scaled)
    encoded = encoder.transform(frame)
    classifier = estimator.make(parameters, seed, encoded.shape[1]).fit(encoded, target)
    return (target, probability), classifier.predict_proba(encoder.transform(fresh[0]))[:, 1]


def _steps(rows: int, seed: int) -> Simulated:
    """A quarter leaves, by steps in tenure and an interaction of complaints and minutes."""
    frame, _, _ = simulate(rows, seed)
    new = frame["tenure_months"] < 6
    cross = (frame["num_complaints"] >= 2) & (frame["avg_session_minutes"] < 35)
    logit = (
        -1.6 + 1.5 * new + 0.9 * cross + 0.5 * (frame["num_complaints"] >= 4) - 0.8 * (frame["plan_type"] == "premium")
    )
    probability = 1 / (1 + np.exp(-logit.to_numpy()))
    target = (np.random.default_rng([seed, 99]).random(rows) < probability).astype(np.int8)
    return frame, target, probability


def _curve(campaign: Campaign, target: Target, probability: Floats) -> float:
    """In the middle between two neighbouring probabilities, or above all of them."""
    order = np.argsort(-probability, kind="stable")
    profits = np.append(0, np.cumsum(target[order] - campaign.break_even))
    above, below = np.append(1.0, probability[order]), np.append(probability[order], 0.0)
    best = int(np.argmax(np.where(above == below, -np.inf, profits)))
    return float(above[best] + below[best]) / 2


PROCESSES: Mapping[str, Callable[[int, int], Simulated]] = {"bundled": simulate, "steps": _steps}
WAYS: Mapping[str, Callable[[Campaign, Target, Floats], float]] = {
    "chosen": profit_threshold,
    "curve": _curve,
    "break-even": lambda campaign, *_: campaign.break_even,
}

if __name__ == "__main__":
    main()
