"""What replacing the model costs the requests in flight: `python benchmarks/swap.py [--rounds 7] [--seconds 8]`.

The service with two workers under `wrk -t1 -c16`, in turns: a while in which nothing changes, and one in which another
process promotes the other of two models every 0.6 s, which both workers then load. Everything is on the same two
cores, the promotions too, so what they cost is in the figures.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from load import load
from places import BIN, ROOT
from running import Contestant, start_workers
from table import BUNDLED

PAUSE = 0.6
SWAP = """
import itertools, pathlib, sys, time
from churn.registry import Registry
registry = Registry(pathlib.Path(sys.argv[1]))
import bentoml.models
print("ready", flush=True)
for version in itertools.cycle(("v2", "v1")):
    time.sleep(float(sys.argv[2]))
    with registry.writing() as writer:
        print(writer.promote(f"churn_model_v1:{version}"), flush=True)
"""


def main() -> None:
    """Measure, and print each round and the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=8, help="of load, with and without promotions, a round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="churn-bench-") as folder:
        _compare(Path(folder), options.rounds, options.seconds)


def _compare(folder: Path, rounds: int, seconds: int) -> None:
    home = folder / "home"
    home.mkdir()
    own = {
        "CHURN_HOME": str(home),
        "BENTOML_HOME": str(folder / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "CHURN_POLL_SECONDS": "0.2",
    }
    os.environ.update(own)
    for arguments in ((), ("--seed", "7", "--force-reason", "the other of two")):
        subprocess.run([str(BIN / "python"), "train.py", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    command = (str(BIN / "bentoml"), "serve", ".", "--host", "127.0.0.1", "--port", "{port}")
    # Each answer is one model's or the other's, so there is no one probability to look for; tests/e2e do that.
    service = replace(Contestant("churn-api", command, BUNDLED.record), folder=ROOT, scored=False)
    figures: dict[str, list[dict[str, float]]] = {"calm": [], "swapping": []}
    server = start_workers(service, home / "server.log", 2)
    try:
        for number in range(rounds):
            for kind, found in figures.items():
                with _promotions(home) if kind == "swapping" else contextlib.nullcontext():
                    found.append(load(server, seconds, "", home, cores="0,1"))
                print(f"round {number + 1} {kind}: {_line(found[-1])}", flush=True)
    finally:
        server.stop()
    _print(figures)


@contextlib.contextmanager
def _promotions(home: Path) -> Iterator[None]:
    command = [str(BIN / "python"), "-c", SWAP, str(home), str(PAUSE)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - asked for above
        process.stdout.readline()  # its start is not what is measured
        yield
        process.terminate()
        count = len(process.stdout.readlines())
    print(f"  {count} promotions")


def _line(found: dict[str, float]) -> str:
    return f"{found['rps']:,.0f} requests/s, p99 {found['p99_ms']:.1f} ms, {found['errors']:.0f} errors"


def _print(figures: dict[str, list[dict[str, float]]]) -> None:
    medians = {kind: statistics.median(found["p99_ms"] for found in rounds) for kind, rounds in figures.items()}
    errors = sum(found["errors"] for rounds in figures.values() for found in rounds)
    print(f"median p99: {medians['calm']:.1f} ms calm, {medians['swapping']:.1f} ms swapping; {errors:.0f} errors")
    if errors:
        raise SystemExit("no ratio: there were errors")
    print(f"ratio {medians['swapping'] / medians['calm']:.2f}")


if __name__ == "__main__":
    main()
