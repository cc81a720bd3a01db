"""What a batch costs, and what it does to other requests."""

import json
import statistics
import threading
import time

from running import Running, post

ROWS = 10_000
BATCHES = 10


def measure_batch(server: Running) -> dict[str, float]:
    """Rows a second, memory growth, and the delay of single requests while batches are in flight."""
    customers = [{**server.contestant.body, "request_id": f"row-{row}"} for row in range(ROWS)]
    body = json.dumps({"customers": customers}).encode()
    url = f"http://127.0.0.1:{server.port}/predict/batch"
    post(url, body)
    before, seconds = server.pss_mib(), []
    for _ in range(BATCHES):
        started = time.perf_counter()
        answer = post(url, body)
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
            post(url, body)

    thread = threading.Thread(target=batches)
    thread.start()
    record, delays = json.dumps(server.contestant.body).encode(), []
    ends = time.perf_counter() + 5
    try:
        while time.perf_counter() < ends:
            started = time.perf_counter()
            post(server.url, record)
            delays.append((time.perf_counter() - started) * 1e3)
            time.sleep(0.002)
    finally:
        done.set()
        thread.join()
    return statistics.quantiles(delays, n=100)[98]
