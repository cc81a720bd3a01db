"""`make bench`: this service beside what one would pick instead, on the same core, under the same load.

One server at a time, pinned to core 0; the load generator, wrk with one thread and 16 connections, pinned to
core 1. All servers are started once; rounds are interleaved, so that a slow minute of the machine hits all;
figures are medians over the rounds. Before and after, and with every answer under load, the probability is
compared with the model's own: no ratio is printed if a server answered wrongly or with an error.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from batch import measure_batch
from chart import draw
from contestants import (
    BIN,
    BUNDLED,
    HERE,
    LOAD_CORE,
    ROOT,
    Contestant,
    Running,
    contestants,
    empty_bento,
    example,
    start,
)
from load import load
from workers import measure_two_workers

PUBLISHED = HERE / "results"
LOCAL = PUBLISHED / "local"  # not committed
OWN = "churn-api (the built Bento)"


def main() -> None:
    """Measure, print the table, write comparison.json and comparison.svg."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of load, a server and round")
    parser.add_argument("--schema", type=Path, default=BUNDLED, help="of the table; each feature needs an example")
    parser.add_argument("--data", type=Path, help="the table (default: the bundled one)")
    parser.add_argument("--python", type=Path, help="of the environment of benchmarks/alternatives/requirements.txt")
    parser.add_argument("--publish", action="store_true", help="replace the committed results, not only those beside")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing; on Debian: apt-get install wrk")
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("two cores are needed: one for the server, one for the load generator")
    os.sched_setaffinity(0, {int(LOAD_CORE)})  # this process is a client too; the servers have a core of their own
    with tempfile.TemporaryDirectory(prefix="churn-bench-") as folder:
        report = _measure(Path(folder), options)
    name = "comparison" if options.schema == BUNDLED else f"comparison-{options.schema.stem}"
    results = PUBLISHED if options.publish else LOCAL
    results.mkdir(parents=True, exist_ok=True)
    (results / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n")
    (results / f"{name}.svg").write_text(draw(report["servers"]))
    print(f"written to {results.relative_to(ROOT)}; --publish replaces the committed results")
    _print(report)


def _measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    home, bentoml_home = folder / "home", folder / "bentoml"
    home.mkdir()
    bentoml_home.mkdir()
    os.environ.update(CHURN_HOME=str(home), BENTOML_HOME=str(bentoml_home), BENTOML_DO_NOT_TRACK="True")
    table = ["--data", str(options.data.absolute())] if options.data else []
    _run(str(BIN / "python"), "train.py", "--schema", str(options.schema.absolute()), *table)
    record = example(options.schema)
    _run(str(BIN / "bentoml"), "build", "--version", "bench")
    model = bentoml_home / "models" / "churn_model_v1" / "v1"
    python = options.python.absolute() if options.python else None
    if python is None:
        print("no --python: FastAPI and MLServer are left out")
    bento = contestants(home, bentoml_home, model, "churn-api:bench", python, record)
    with contextlib.ExitStack() as stack:
        running = [_enter(stack, contestant, home) for contestant in bento]
        expected = _expected(running[0])
        rounds: dict[str, list[dict[str, float]]] = {server.contestant.name: [] for server in running}
        for number in range(options.rounds):
            for server in running:
                figures = load(server, options.seconds, expected, home)
                rounds[server.contestant.name].append(figures)
                print(f"round {number + 1} {server.contestant.name}: {figures['rps']:,.0f} requests/s", flush=True)
        servers = [_summary(server, rounds[server.contestant.name]) for server in running]
        empty = _enter(stack, empty_bento(home, bentoml_home), home)
        servers.append({"name": empty.contestant.name, "ready_s": empty.ready_seconds, "pss_mib": empty.pss_mib()})
    with contextlib.ExitStack() as stack:
        batch = measure_batch(_enter(stack, bento[0], home))
    workers = measure_two_workers(bento[0], home, expected, options.seconds)
    return {"machine": _machine(), "servers": servers, "batch": batch, "two_workers": workers}


def _enter(stack: contextlib.ExitStack, contestant: Contestant, home: Path) -> Running:
    server = start(contestant, home / "server.log")
    stack.callback(server.stop)
    return server


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def _expected(server: Running) -> str:
    """The first digits of the record's probability, which every scored answer must contain."""
    import urllib.request  # noqa: PLC0415 - used here alone

    request = urllib.request.Request(  # noqa: S310 - loopback
        server.url, json.dumps(server.contestant.body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        probability = float(json.load(answer)["probability"])
    for length in (7, 6, 5):  # fewer where the probability lies at a rounding edge
        digits = {f"{probability + shift:.12f}"[:length] for shift in (-1e-6, 0.0, 1e-6)}
        if len(digits) == 1:
            return digits.pop()
    raise SystemExit("the record's probability lies at a rounding edge; choose another record")


def _summary(server: Running, rounds: list[dict[str, float]]) -> dict[str, Any]:
    medians = {name: statistics.median(figures[name] for figures in rounds) for name in rounds[0]}
    rates = [figures["rps"] for figures in rounds]
    return {
        "name": server.contestant.name,
        **medians,
        "rps_min": min(rates),
        "rps_max": max(rates),
        "errors": sum(figures["errors"] for figures in rounds),
        "wrong": sum(figures["wrong"] for figures in rounds),
        "ready_s": server.ready_seconds,
        "pss_mib": server.pss_mib(),
    }


def _machine() -> dict[str, Any]:
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "unknown")
    return {"cpu": model.partition(":")[2].strip(), "cores": os.cpu_count(), "load_before": os.getloadavg()[0]}


def _print(report: dict[str, Any]) -> None:
    loaded = [server for server in report["servers"] if "rps" in server]
    header = ("server", "requests/s", "min-max", "p50 ms", "p99 ms", "p99.9 ms", "errors", "PSS MiB", "ready s")
    rows = [header, *_rows(report["servers"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print("  ".join(cells))
    print(f"batch: {report['batch']}")
    print(f"two workers: {report['two_workers']}")
    faulty = [server["name"] for server in loaded if server["errors"] or server["wrong"]]
    if faulty:
        raise SystemExit(f"no ratios: errors or wrong probabilities from {', '.join(faulty)}")
    rates = {server["name"]: server["rps"] for server in loaded}
    for name, rate in rates.items():
        if name != OWN:
            print(f"{OWN} answers {rates[OWN] / rate:.2f} times as many requests/s as {name}")


def _rows(servers: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for server in servers:
        if "rps" not in server:
            yield (server["name"], *[""] * 6, f"{server['pss_mib']:.0f}", f"{server['ready_s']:.1f}")
            continue
        yield (
            server["name"],
            f"{server['rps']:,.0f}",
            f"{server['rps_min']:,.0f}-{server['rps_max']:,.0f}",
            *(f"{server[name]:.1f}" for name in ("p50_ms", "p99_ms", "p999_ms")),
            f"{server['errors'] + server['wrong']:.0f}",
            f"{server['pss_mib']:.0f}",
            f"{server['ready_s']:.1f}",
        )


if __name__ == "__main__":
    main()
