"""What scoring files costs: `python benchmarks/score_files.py [--rows 10_000_000] [--rounds 1] [--folder DIR]`.

Of the bundled table, on one core and on two, in turns: ONNX Runtime alone on arrays that are ready, a session and a
thread for each core; `score.py` from Parquet to Parquet; and from CSV to CSV. Rows a second with all that a command
does from its start to its end, and the most memory that it had. Needs about 100 bytes of disk a row.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent.parent))

from churn.data.simulation import simulate
from churn.model.scorer import Scorer
from churn.model.session import Categories, Numbers
from churn.scoring.stored_model import StoredModel, load_model
from churn.scoring.table import BATCH_ROWS

ROOT = Path(__file__).parent.parent
ALONE = "ONNX Runtime alone"
FORMS = {"Parquet to Parquet": "parquet", "CSV to CSV": "csv"}
DISTINCT_ROWS = 1_000_000
"""The files repeat so many customers."""
POLL_SECONDS = 0.02


class Cost(NamedTuple):
    """Of one run."""

    rows_per_second: float
    peak_mib: float


def main() -> None:
    """Measure, and print one line for each way and number of cores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=1, help="of which medians are taken")
    parser.add_argument("--folder", type=Path, help="where the files are, for the run (default: the system's)")
    parser.add_argument("--model", choices=("logistic", "hist-gradient-boosting"), default="logistic")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="churn-bench-", dir=options.folder) as name:
        folder = Path(name)
        model = _train(folder, options.model)
        _write(folder, options.rows)
        print(f"{'cores':>5}  {'':<18}  {'rows/s':>11}  {'peak MiB':>8}  {'of ' + ALONE}")
        for count in range(1, min(2, len(cores)) + 1):
            os.sched_setaffinity(0, cores[:count])  # threads and commands inherit it
            costs: dict[str, list[Cost]] = defaultdict(list)
            for _ in range(options.rounds):
                costs[ALONE].append(_alone(model, options.rows, count))
                for way, form in FORMS.items():
                    costs[way].append(_score(folder, form, options.rows))
            _print(count, costs)


def _print(cores: int, costs: dict[str, list[Cost]]) -> None:
    medians = {way: statistics.median(cost.rows_per_second for cost in found) for way, found in costs.items()}
    for way, found in costs.items():
        peak = max(cost.peak_mib for cost in found)
        shown = "" if way == ALONE else f"{peak:,.0f}"
        print(f"{cores:>5}  {way:<18}  {medians[way]:>11,.0f}  {shown:>8}  {medians[way] / medians[ALONE]:.2f}")


def _train(folder: Path, estimator: str) -> StoredModel:
    os.environ.update(CHURN_HOME=str(folder), BENTOML_HOME=str(folder / "bentoml"), BENTOML_DO_NOT_TRACK="True")
    command = [sys.executable, "train.py", "--model", estimator, "--force-reason", "benchmark"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return load_model()


def _write(folder: Path, rows: int) -> None:
    """The same customers as Parquet, texts in dictionaries as most programs write them, and as CSV."""
    frame, _, _ = simulate(min(rows, DISTINCT_ROWS), 1)
    counts = {name: pa.array(frame[name], pa.int64()) for name in ("tenure_months", "num_complaints")}
    texts = {name: pa.array(frame[name].astype(str), pa.string()) for name in ("plan_type", "region")}
    table = pa.table(counts | {"avg_session_minutes": pa.array(frame["avg_session_minutes"])} | texts)
    with (
        pq.ParquetWriter(folder / "in.parquet", table.schema) as parquet,
        pa_csv.CSVWriter(folder / "in.csv", table.schema) as csv,
    ):
        for start in range(0, rows, table.num_rows):
            piece = table.slice(0, rows - start)
            parquet.write_table(piece, row_group_size=2 * BATCH_ROWS)
            csv.write_table(piece)


def _alone(model: StoredModel, rows: int, threads: int) -> Cost:
    chunks = list(_ready(model.scorer))

    def work(part: int) -> None:
        scorer = Scorer.from_files(model.tag, model.files)
        for number in range(part, -(-rows // BATCH_ROWS), threads):
            scorer.score_columns(*chunks[number % len(chunks)])

    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        list(pool.map(work, range(threads)))
        return Cost(rows / (time.perf_counter() - started), 0)


def _ready(scorer: Scorer) -> Iterator[tuple[Numbers, Categories]]:
    """Arrays of `BATCH_ROWS` customers each, as ONNX Runtime takes them."""
    frame, _, _ = simulate(8 * BATCH_ROWS, 2)
    numbers = frame[list(scorer.schema.number_names)].to_numpy(np.float32)
    categories = frame[list(scorer.schema.category_names)].astype(object).to_numpy()
    for start in range(0, len(frame), BATCH_ROWS):
        chunk = slice(start, start + BATCH_ROWS)
        yield np.ascontiguousarray(numbers[chunk]), np.ascontiguousarray(categories[chunk])


def _score(folder: Path, form: str, rows: int) -> Cost:
    out = folder / f"out.{form}"
    command = [sys.executable, "score.py", str(folder / f"in.{form}"), "--out", str(out)]
    log = folder / "score.log"
    started = time.perf_counter()
    with log.open("wb") as sink:
        process = subprocess.Popen(command, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _peak_mib(process.pid))
            time.sleep(POLL_SECONDS)
    seconds = time.perf_counter() - started
    if process.returncode or (written := _count(out)) != rows:
        raise SystemExit(f"{out.name}: {written if not process.returncode else log.read_text()}")
    out.unlink()
    return Cost(rows / seconds, peak)


def _peak_mib(pid: int) -> float:
    """The most memory that a process had so far. Its `ru_maxrss` would count what it was forked from, too."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    kib = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(kib[0]) / 1024 if kib else 0.0


def _count(path: Path) -> int:
    """Rows of a file of scores."""
    if path.suffix == ".parquet":
        return int(pq.read_metadata(path).num_rows)
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(2**20), b"")) - 1


if __name__ == "__main__":
    main()
