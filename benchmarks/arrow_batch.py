"""Batches as JSON beside batches as Arrow, in one run: rows a second, and what they do to single requests.

    python benchmarks/arrow_batch.py SCHEMA

serves the home of the environment's CHURN_HOME, whose current model is of that schema, on one core, and asks from the
other. Each row is written to the journal.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pyarrow as pa
from batch import ROWS
from places import BIN, LOAD_CORE, ROOT
from running import Contestant, Running, start
from table import BUNDLED, Table

ARROW = "application/vnd.apache.arrow.stream"
SECONDS = 5.0
ROUNDS, ASKED = 10, 5
MOST_BYTES = 8 * 2**20


def main() -> None:
    """Measure and print, as JSON."""
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("schema", type=Path, nargs="?", default=BUNDLED.schema)
    record = Table(arguments.parse_args().schema).record
    command = (str(BIN / "bentoml"), "serve", ".", "--host", "127.0.0.1", "--port", "{port}")
    with tempfile.TemporaryDirectory() as folder:
        server = start(Contestant("arrow", command, record, folder=ROOT), Path(folder) / "server.log")
        try:
            print(json.dumps(measure(server, record), indent=2))
        finally:
            server.stop()


def measure(server: Running, record: dict[str, object]) -> dict[str, float]:
    """Rows a second of each form, then the delay of single requests beside the largest streams."""
    table = pa.table({name: pa.array([value] * ROWS) for name, value in record.items()})
    per_row = len(stream(table)) / ROWS
    largest = pa.concat_tables([table] * (int(MOST_BYTES / per_row) // ROWS or 1)).combine_chunks()
    bodies = {
        "json_10000": (json.dumps({"customers": [record] * ROWS}).encode(), "application/json", ROWS),
        "arrow_10000": (stream(table), ARROW, ROWS),
        "arrow_8_mib": (stream(largest), ARROW, largest.num_rows),
    }
    url = f"http://127.0.0.1:{server.port}/predict/batch"
    figures = _in_turn(server, url, bodies)
    for name, (body, kind, _) in bodies.items():
        p50, p99 = delays_beside(server, partial(post, url, body, kind))
        figures |= {f"predict_p50_ms_beside_{name}": p50, f"predict_p99_ms_beside_{name}": p99}
    figures["memory_mib"] = server.pss_mib()
    return figures


def stream(table: pa.Table) -> bytes:
    """The table as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def post(url: str, body: bytes, content_type: str) -> bytes:
    """The answer of status 200, over a connection that is kept: a new one costs as much as thousands of rows."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = _connection(host, os.getpid())
    connection.request("POST", f"/{path}", body, {"content-type": content_type})
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise RuntimeError(content[:500])
    return content


@cache
def _connection(host: str, _: int) -> HTTPConnection:
    """The connection of a process; one that was forked needs its own."""
    return HTTPConnection(host, timeout=60)


def _in_turn(server: Running, url: str, bodies: Mapping[str, tuple[bytes, str, int]]) -> dict[str, float]:
    """Rows a second by the clock (median), and rows a second of the server's processor time, which neighbours spare."""
    seconds: dict[str, list[float]] = {name: [] for name in bodies}
    processor = dict.fromkeys(bodies, 0.0)
    for _ in range(ROUNDS):  # in turn, so that a noisy neighbour is everybody's
        for name, (body, kind, _) in bodies.items():
            for _ in range(ASKED):
                before, started = server.cpu_seconds(), time.perf_counter()
                post(url, body, kind)
                seconds[name].append(time.perf_counter() - started)
                processor[name] += server.cpu_seconds() - before
    figures = {}
    for name, (_, _, rows) in bodies.items():
        figures[f"{name}_rows_per_second"] = rows / statistics.median(seconds[name])
        figures[f"{name}_rows_per_processor_second"] = rows * len(seconds[name]) / processor[name]
    return figures


def delays_beside(server: Running, ask: Callable[[], bytes]) -> tuple[float, float]:
    """Median and 99th percentile, in ms, of single requests, one after the other, beside batches without end."""
    asking = multiprocessing.Process(target=_ask_for_ever, args=(ask,))  # a thread would hold up the one that measures
    asking.start()
    try:
        delays = asyncio.run(_single(server))
    finally:
        asking.kill()
        asking.join()
    return float(np.median(delays)), float(np.quantile(delays, 0.99))


def _ask_for_ever(ask: Callable[[], bytes]) -> None:
    while True:
        ask()


async def _single(server: Running) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    body = json.dumps(server.contestant.body).encode()
    head = b"POST /predict HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    delays: list[float] = []
    ends = time.perf_counter() + SECONDS
    while time.perf_counter() < ends:
        started = time.perf_counter()
        writer.write(head % len(body) + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(answer.lower().partition(b"content-length: ")[2].split()[0]))
        delays.append((time.perf_counter() - started) * 1e3)
        await asyncio.sleep(0.002)
    writer.close()
    return delays


if __name__ == "__main__":
    main()
