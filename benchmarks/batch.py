"""What a batch costs, what it does to other requests, and what a second worker brings."""

import contextlib
import json
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from contestants import RECORD, Contestant, Running, start

ROWS = 10_000
BATCHES = 10

type Load = Callable[[Running, int, str, Path, str, int], dict[str, float]]


def measure_batch(server: Running) -> dict[str, float]:
    """Rows a second, memory growth, and the delay of single requests while batches are in flight."""
    body = json.dumps({"customers": [RECORD | {"request_id": f"row-{row}"} for row in range(ROWS)]}).encode()
    url = f"http://127.0.0.1:{server.port}/predict/batch"
    _post(url, body)
    before, seconds = server.pss_mib(), []
    for _ in range(BATCHES):
        started = time.perf_counter()
        answer = _post(url, body)
        seconds.append(time.perf_counter() - started)
        if len(json.loads(answer)["predictions"]) != ROWS:
            raise SystemExit("a batch was not answered in full")
    growth = server.pss_mib() - before
    return {
        "rows_per_second": ROWS / statistics.median(seconds),
        "seconds": statistics.median(seconds),
        "memory_growth_mib": growth,
        "predict_p99_ms_meanwhile": _predict_p99_during_batches(server, url, body),
    }


def _predict_p99_during_batches(server: Running, url: str, body: bytes) -> float:
    done = threading.Event()

    def batches() -> None:
        while not done.is_set():
            _post(url, body)

    thread = threading.Thread(target=batches)
    thread.start()
    record, delays = json.dumps(RECORD).encode(), []
    ends = time.perf_counter() + 5
    try:
        while time.perf_counter() < ends:
            started = time.perf_counter()
            _post(server.url, record)
            delays.append((time.perf_counter() - started) * 1e3)
            time.sleep(0.002)
    finally:
        done.set()
        thread.join()
    return statistics.quantiles(delays, n=100)[98]


def measure_two_workers(
    contestant: Contestant, home: Path, expected: str, seconds: int, load: Load
) -> dict[str, float]:
    """Requests/s of one and of two workers, both cores free to all: the load generator takes its share of them.

    So the processor time a request is given too: where it does not grow, two workers on two cores of their own
    serve twice as many.
    """
    figures = {}
    for workers in (1, 2):
        chosen = replace(contestant, environment={**contestant.environment, "CHURN_WORKERS": str(workers)})
        log = home / "server.log"
        server = start(chosen, log, cores="0,1")
        with contextlib.ExitStack() as stack:
            stack.callback(server.stop)
            # The first worker up would otherwise be given every connection.
            while log.read_text().count("initialized") < workers:
                time.sleep(0.1)
            time.sleep(0.5)
            measured = [load(server, seconds, expected, home, "0,1", 32) for _ in range(3)]
        figures[f"rps_{workers}"] = statistics.median(figure["rps"] for figure in measured)
        cpu = statistics.median(figure["cpu_us_per_request"] for figure in measured)
        figures[f"cpu_us_per_request_{workers}"] = cpu
    figures["ratio"] = figures["rps_2"] / figures["rps_1"]
    return figures


def _post(url: str, body: bytes) -> bytes:
    request = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        content: bytes = answer.read()
        return content
