"""How often drift detection cries wolf, and how often it finds what has changed, beside two other rules.

    python benchmarks/drift_power.py [--windows 1000] [--drifts 100] [--references 1] [--evidently PYTHON]
                                     [--first-seed 0]

The process is the one in data/README.md; the first reference is the bundled set, the others are fresh sets of
1,200 rows, each with a model trained on it. A quiet window has rows of the process; a drifted one has 500 rows
with one change. `--evidently` names a Python that has Evidently (in an environment of its own: its pins
disagree with ours), which then judges the first `--evidently-windows` quiet ones and all drifted ones of the
first reference.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent.parent))

from churn.data.dataset import Dataset, read_dataset, simulate
from churn.drift.comparison import compare
from churn.drift.distribution import Categories, Numbers, Summary
from churn.drift.reference import Reference, build_reference
from churn.schema.reading import bundled_schema
from churn.settings import DriftSettings
from churn.training.pipeline import TrainedModel, train_model

BUNDLED = Path(__file__).parent.parent / "data" / "churn.csv"
SCHEMA = bundled_schema()
SIZES = (200, 500, 20_000)
ROWS = 500
SETTINGS = DriftSettings()
RUN_ROWS = 1_000_000
type Generator = np.random.Generator
type Values = npt.NDArray[Any]


class Change(NamedTuple):
    """A drift: what it is called, the feature it is in, and how it is made."""

    name: str
    feature: str
    apply: Callable[[pd.DataFrame, Generator], Values]


def _sessions(mean: float, std: float) -> Callable[[pd.DataFrame, Generator], Values]:
    return lambda frame, rng: np.round(np.clip(rng.normal(mean, std, len(frame)), 1, 120), 2)


CHANGES = (
    Change("mean session time +0.35 sd", "avg_session_minutes", _sessions(35 + 0.35 * 12, 12)),
    # Clipping at 1 raises the mean of so wide a distribution; drawn around 34.1 it is 35 again.
    Change("its spread doubled", "avg_session_minutes", _sessions(34.1, 24)),
    Change("premium 0.28 -> 0.45", "plan_type", lambda f, rng: np.where(rng.random(len(f)) < 0.45, "premium", "basic")),
    Change(
        "a new region in 10 %", "region", lambda f, rng: np.where(rng.random(len(f)) < 0.1, "SA", _plain(f["region"]))
    ),
    Change("complaints Poisson 1.2 -> 1.8", "num_complaints", lambda f, rng: rng.poisson(1.8, len(f)).astype(float)),
    Change("tenure in years", "tenure_months", lambda f, _: np.floor(_plain(f["tenure_months"]) / 12)),
)


class Tally(NamedTuple):
    """Of how many windows: any alarm, alarms of the right feature, and no alarm of any other feature."""

    windows: int
    alarms: int
    right: int
    quiet: int


def main() -> None:
    """Print the table."""
    options = _parse()
    console = Console(width=110)
    tables = []
    evidently = {}
    for number in range(options.references):
        started = time.monotonic()
        dataset = read_dataset(BUNDLED, SCHEMA) if number == 0 else _fresh(options.first_seed + number)
        judges = _Judges(dataset, train_model(dataset, estimator="logistic", seed=42))
        table = {}
        seed = options.first_seed + 10_000 * (number + 1)
        for name, feature, frames in _scenarios(options.windows, options.drifts, seed):
            first = list(itertools.islice(frames, options.evidently_windows))
            table[name] = judges.tally(feature, itertools.chain(first, frames))
            if number == 0 and options.evidently is not None:
                evidently[name] = _ask_evidently(options.evidently, dataset.frame, feature, first)
        tables.append(table)
        console.print(f"reference {number + 1} of {options.references}: {time.monotonic() - started:.0f} s")
    shown = {name: {"this": both[0], "lab": both[1]} for name, both in tables[0].items()}
    if options.evidently is not None:
        shown = {name: {**tallies, "evidently": evidently[name]} for name, tallies in shown.items()}
    _print(console, shown)
    if options.references > 1:
        _print_spread(console, [{name: both[0] for name, both in table.items()} for table in tables])


def _scenarios(windows: int, drifts: int, seed: int) -> Iterator[tuple[str, str, Iterator[pd.DataFrame]]]:
    for number, rows in enumerate(SIZES):
        yield f"no drift, {rows:,} rows", "", _windows(windows, rows, seed + 1000 * number)
    for number, change in enumerate(CHANGES):
        yield change.name, change.feature, _changed(change, drifts, seed + 5000 + 100 * number)


def _changed(change: Change, count: int, seed: int) -> Iterator[pd.DataFrame]:
    rng = np.random.default_rng([seed, 1])
    for frame in _windows(count, ROWS, seed):
        changed = frame.copy()
        changed[change.feature] = change.apply(frame, rng)
        yield changed


def _windows(count: int, rows: int, seed: int) -> Iterator[pd.DataFrame]:
    """Frames cut from long runs of the process."""
    in_run = RUN_ROWS // rows
    for run in range(0, count, in_run):
        frame, _, _ = simulate(min(in_run, count - run) * rows, seed + run // in_run)
        for start in range(0, len(frame), rows):
            yield frame.iloc[start : start + rows].astype(dict.fromkeys(SCHEMA.category_names, str))


def _fresh(seed: int) -> Dataset:
    frame, target, _ = simulate(1200, 500 + seed)
    return Dataset(path=Path(f"seed {500 + seed}"), sha256="", frame=frame, target=target, schema=SCHEMA)


class _Judges:
    """Our rule and the replaced one, with a reference and the model trained on the same rows."""

    def __init__(self, dataset: Dataset, model: TrainedModel) -> None:
        stored = build_reference(dataset.frame, model.predictions.probability)
        summaries = stored["features"]
        training: dict[str, Summary] = {name: Numbers.from_json(summaries[name]) for name in SCHEMA.number_names}
        training |= {name: Categories.from_json(summaries[name]) for name in SCHEMA.category_names}
        self._reference = Reference(dataset.rows, training, Numbers.from_json(stored["prediction"]))
        self._model = model

    def tally(self, feature: str, frames: Iterable[pd.DataFrame]) -> tuple[Tally, Tally]:
        """What the two say of some windows that drifted in a feature, or in none."""
        ours, labs = [], []
        for frame in frames:
            live: dict[str, Summary] = {name: Numbers.of(frame[name]) for name in SCHEMA.number_names}
            live |= {name: Categories.of(frame[name].value_counts().to_dict()) for name in SCHEMA.category_names}
            probability = self._model.pipeline.predict_proba(frame)[:, 1]
            found = compare(self._reference, live, Numbers.of(probability), SETTINGS)
            ours.append(({f.name for f in found.drifted}, found.drift))
            far = {f.name for f in found.features if abs(f.figures.get("z", 0.0)) > SETTINGS.z_threshold}
            labs.append((far, bool(far)))
        return _count(ours, feature), _count(labs, feature)


def _count(verdicts: list[tuple[set[str], bool]], feature: str) -> Tally:
    return Tally(
        windows=len(verdicts),
        alarms=sum(alarm for _, alarm in verdicts),
        right=sum(feature in names for names, _ in verdicts),
        quiet=sum(not names - {feature} for names, _ in verdicts),
    )


def _ask_evidently(python: Path, training: pd.DataFrame, feature: str, frames: list[pd.DataFrame]) -> Tally:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "windows.npz"
        columns = {f"live_{name}": np.array([_plain(frame[name]) for frame in frames]) for name in SCHEMA.feature_names}
        columns |= {f"training_{name}": _plain(training[name]) for name in SCHEMA.feature_names}
        np.savez(path, **columns)
        script = Path(__file__).with_name("drift_power_evidently.py")
        answer = subprocess.run([python, script, path], capture_output=True, text=True, check=True)
    return _count([(set(names), bool(names)) for names in json.loads(answer.stdout)], feature)


def _plain(column: "pd.Series[Any]") -> Values:
    return column.to_numpy(dtype=np.float64) if column.name in SCHEMA.number_names else column.to_numpy(dtype=np.str_)


def _print(console: Console, rows: dict[str, dict[str, Tally]]) -> None:
    names = list(next(iter(rows.values())))
    table = Table(
        "windows", *names, title="alarms of quiet windows; of drifted ones: right feature found / all others quiet"
    )
    for scenario, tallies in rows.items():
        table.add_row(scenario, *(_cell(tallies[name], quiet="no drift" in scenario) for name in names))
    console.print(table)


def _cell(tally: Tally, *, quiet: bool) -> str:
    if quiet:
        return f"{tally.alarms} of {tally.windows:,}"
    return f"{tally.right} / {tally.quiet} of {tally.windows}"


def _print_spread(console: Console, tables: list[dict[str, Tally]]) -> None:
    table = Table("windows", "mean", "worst", title=f"this rule over {len(tables)} references, % of windows")
    for scenario in tables[0]:
        tallies = [table[scenario] for table in tables]
        if "no drift" in scenario:
            shares = [[100 * t.alarms / t.windows] for t in tallies]
            worst = np.max(shares, axis=0)
        else:
            shares = [[100 * t.right / t.windows, 100 * t.quiet / t.windows] for t in tallies]
            worst = np.min(shares, axis=0)
        mean = np.mean(shares, axis=0)
        table.add_row(scenario, *(" / ".join(f"{value:.1f}" for value in figures) for figures in (mean, worst)))
    console.print(table)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--windows", type=int, default=1000, help="quiet windows of each size")
    parser.add_argument("--drifts", type=int, default=100, help="drifted windows of each kind")
    parser.add_argument("--references", type=int, default=1, help="training sets")
    parser.add_argument("--first-seed", type=int, default=0, help="for windows that nobody has looked at yet")
    parser.add_argument("--evidently", type=Path, metavar="PYTHON", help="a Python that has Evidently")
    parser.add_argument("--evidently-windows", type=int, default=200, help="quiet windows of each size for it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
