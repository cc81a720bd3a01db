"""What reasons cost: `python benchmarks/reasons.py [--schema FILE --data FILE] [--rounds 3] [--seconds 4]`.

For both estimators: requests a second without and with `?explain=true`, in turns, on one core, the load generator on
the other; a batch of 10,000 customers without and with; and single requests while a batch is explained. Needs wrk.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from load import load
from places import BIN, LOAD_CORE, ROOT
from running import Contestant, Running, start
from table import BUNDLED, Table

ROWS = 10_000
ASKED = {"without": "", "with": "?explain=true"}


def main() -> None:
    """Measure, and print one line for each estimator."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of load, a round, without and with reasons")
    parser.add_argument(
        "--schema", type=Path, default=BUNDLED.schema, help="of the table; each feature needs an example"
    )
    parser.add_argument("--data", type=Path, help="the table (default: the bundled one)")
    options = parser.parse_args()
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    for estimator in ("logistic", "hist-gradient-boosting"):
        with tempfile.TemporaryDirectory(prefix="churn-bench-") as folder:
            server = _serve(Path(folder), estimator, options)
            try:
                _measure(server, estimator, Path(folder), options)
            finally:
                server.stop()


def _serve(home: Path, estimator: str, options: argparse.Namespace) -> Running:
    os.environ.update(CHURN_HOME=str(home), BENTOML_HOME=str(home / "bentoml"), BENTOML_DO_NOT_TRACK="True")
    command = [str(BIN / "python"), "train.py", "--schema", str(options.schema.absolute()), "--model", estimator]
    command += ["--data", str(options.data.absolute())] if options.data else []
    command += ["--force-reason", "benchmark"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    serve = (str(BIN / "bentoml"), "serve", ".", "--host", "127.0.0.1", "--port", "{port}")
    return start(Contestant("churn-api", serve, Table(options.schema).record, folder=ROOT), home / "server.log")


def _measure(server: Running, estimator: str, folder: Path, options: argparse.Namespace) -> None:
    rates: dict[str, list[float]] = {kind: [] for kind in ASKED}
    for _ in range(options.rounds):
        for kind, query in ASKED.items():
            asked = replace(server, contestant=replace(server.contestant, path=f"/predict{query}"))
            figures = load(asked, options.seconds, '"reasons":' if query else "", folder)
            if figures["wrong"] or figures["errors"]:
                raise SystemExit(f"{estimator}: wrong answers or errors: {figures}")
            rates[kind].append(figures["rps"])
    without, explained = (statistics.median(rates[kind]) for kind in ASKED)
    print(f"{estimator}: {without:,.0f} requests/s, with reasons {explained:,.0f}: {explained / without:.2f}")
    for kind, query in ASKED.items():
        seconds = statistics.median(_batch(server, query) for _ in range(3))
        print(f"  {ROWS:,} rows {kind} reasons: {seconds:.2f} s; {_beside_batches(server, query)}", flush=True)


def _batch(server: Running, query: str) -> float:
    """Seconds that a batch takes."""
    body = json.dumps({"customers": [dict(server.contestant.body)] * ROWS}).encode()
    started = time.perf_counter()
    _post(f"http://127.0.0.1:{server.port}/predict/batch{query}", body)
    return time.perf_counter() - started


def _beside_batches(server: Running, query: str) -> str:
    """Delays of single requests, 2 ms apart, while three batches are worked on one after the other."""
    batches = threading.Thread(target=lambda: [_batch(server, query) for _ in range(3)])
    batches.start()
    body, delays = json.dumps(server.contestant.body).encode(), []
    while batches.is_alive():
        started = time.perf_counter()
        _post(f"http://127.0.0.1:{server.port}/predict", body)
        delays.append((time.perf_counter() - started) * 1e3)
        time.sleep(0.002)
    median, high = statistics.median(delays), statistics.quantiles(delays, n=100)[98]
    return f"single requests meanwhile: {median:.1f} ms, p99 {high:.1f} ms"


def _post(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        answer.read()


if __name__ == "__main__":
    main()
