"""`make soak`: everything at once for some minutes against a service of its own, and what that did to it.

Single predictions, batches, bad input, drift checks, metrics scrapes, promotions and rollbacks run beside each other on
two workers. The report says errors by kind, delays over time, memory, open files and threads over time, and whether
each answer is in the journal exactly once. Exit code 0 where nothing is wrong, 1 where something is.
"""

import argparse
import asyncio
import collections
import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]  # ships no type information

sys.path.insert(0, str(Path(__file__).parent))
from places import BIN, ROOT
from soak_report import by_half_minute, compare_journal, faults, read_log, trends
from table import BUNDLED

PORT = 3911
RECORD = BUNDLED.record
SAMPLE_SECONDS = 5.0
BAD = [b"", b"{", b"[" * 60_000, b'{"tenure_months": NaN}', b"\xff\xfe", b'{"a":1}', b"[]"]
EXPECTED = {"predict": {200}, "batch": {200}, "bad": {400}, "metrics": {200}, "probe": {200}}


class Load:
    """The clients, and what they saw."""

    def __init__(self, url: str, environment: dict[str, str]) -> None:
        self.url = url
        self.environment = environment
        self.statuses: collections.Counter[str] = collections.Counter()
        self.unexpected: collections.Counter[str] = collections.Counter()
        self.delays: list[tuple[float, float]] = []
        self.answered: collections.Counter[str] = collections.Counter()
        self.commands: collections.Counter[str] = collections.Counter()
        self.numbers = itertools.count()
        self.end = 0.0

    async def run(self, seconds: float) -> None:
        """Load the service for so long."""
        self.end = time.monotonic() + seconds
        async with httpx.AsyncClient(base_url=self.url, timeout=30) as http:
            singles = [self._singles(http) for _ in range(8)]
            await asyncio.gather(
                *singles, self._batches(http), self._bad(http), self._looks(http), self._swaps(), self._drift_checks()
            )

    async def _ask(self, http: httpx.AsyncClient, kind: str, method: str, path: str, content: bytes) -> httpx.Response:
        started = time.monotonic()
        try:
            answer = await http.request(method, path, content=content)
        except httpx.HTTPError as error:
            self.unexpected[f"{kind}: {type(error).__name__}"] += 1
            return httpx.Response(599)
        if kind == "predict":
            self.delays.append((started, time.monotonic() - started))
        self.statuses[f"{kind} {answer.status_code}"] += 1
        if answer.status_code not in EXPECTED[kind]:
            self.unexpected[f"{kind}: {answer.status_code} {answer.text[:100]}"] += 1
        return answer

    async def _singles(self, http: httpx.AsyncClient) -> None:
        while time.monotonic() < self.end:
            request_id = f"soak-{next(self.numbers)}"
            record = json.dumps({**RECORD, "request_id": request_id}).encode()
            if (await self._ask(http, "predict", "POST", "/predict", record)).status_code == 200:
                self.answered[request_id] += 1

    async def _batches(self, http: httpx.AsyncClient) -> None:
        while time.monotonic() < self.end:
            ids = [f"soak-{next(self.numbers)}" for _ in range(500)]
            batch = json.dumps({"customers": [{**RECORD, "request_id": request_id} for request_id in ids]}).encode()
            if (await self._ask(http, "batch", "POST", "/predict/batch", batch)).status_code == 200:
                self.answered.update(ids)
            await asyncio.sleep(1)

    async def _bad(self, http: httpx.AsyncClient) -> None:
        for body in itertools.cycle(BAD):
            if time.monotonic() >= self.end:
                return
            await self._ask(http, "bad", "POST", "/predict", body)
            await asyncio.sleep(0.02)

    async def _looks(self, http: httpx.AsyncClient) -> None:
        while time.monotonic() < self.end:
            await self._ask(http, "metrics", "GET", "/metrics", b"")
            for path in ("/health", "/ready", "/model", "/docs.json"):
                await self._ask(http, "probe", "GET", path, b"")
            await asyncio.sleep(2)

    async def _swaps(self) -> None:
        for tag in itertools.cycle(["churn_model_v1:v2", "churn_model_v1:v1"]):
            await self._pause(10)
            if time.monotonic() >= self.end:
                return
            await self._command("promote", {0}, "-m", "churn.registry", "promote", tag)

    async def _drift_checks(self) -> None:
        while time.monotonic() < self.end:
            await self._pause(20)
            await self._command("drift", {0, 3, 4}, "drift.py")

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, min(seconds, self.end - time.monotonic())))

    async def _command(self, name: str, expected: set[int], *arguments: str) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        _, stderr = await process.communicate()
        self.commands[f"{name} {process.returncode}"] += 1
        if process.returncode not in expected:
            self.unexpected[f"{name}: {process.returncode} {stderr.decode()[-200:]}"] += 1


async def watch(workers: list[psutil.Process], load: Load) -> list[dict[str, float]]:
    """Memory (MiB, proportional), open files and threads of the workers, every few seconds while the load lasts."""
    samples = []
    while not load.end or time.monotonic() < load.end:
        samples.append(
            {
                "at": time.monotonic(),
                "memory_mib": sum(worker.memory_full_info().pss for worker in workers) / 2**20,
                "files": sum(worker.num_fds() - len(worker.net_connections()) for worker in workers),
                "threads": sum(worker.num_threads() for worker in workers),
            }
        )
        await asyncio.sleep(SAMPLE_SECONDS)
    return samples


def _start(home: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    for arguments in (("--version", "v1"), ("--version", "v2", "--seed", "7")):
        subprocess.run(
            [sys.executable, "train.py", *arguments], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL
        )
    with (home / "server.log").open("wb") as log:
        command = [str(BIN / "bentoml"), "serve", "--host", "127.0.0.1", "--port", str(PORT)]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)


def _wait_until_ready(url: str) -> None:
    for _ in range(120):
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/ready").status_code == 200:
                return
        time.sleep(0.5)
    raise SystemExit("the service did not become ready")


async def _soak(load: Load, seconds: float, workers: list[psutil.Process]) -> list[dict[str, float]]:
    samples, _ = await asyncio.gather(watch(workers, load), load.run(seconds))
    return samples


def main() -> None:
    """Run it and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="churn-soak-") as folder:
        home, store = Path(folder) / "home", Path(folder) / "store"
        home.mkdir()
        store.mkdir()
        own = {
            "CHURN_HOME": str(home),
            "BENTOML_HOME": str(store),
            "BENTOML_DO_NOT_TRACK": "True",
            "CHURN_WORKERS": "2",
        }
        environment = {**os.environ, **own}
        server = _start(home, environment)
        try:
            url = f"http://127.0.0.1:{PORT}"
            _wait_until_ready(url)
            workers = [
                process
                for process in psutil.Process(server.pid).children(recursive=True)
                if any("onnxruntime" in mapped.path for mapped in process.memory_maps())
            ]
            load = Load(url, environment)
            samples = asyncio.run(_soak(load, options.minutes * 60, workers))
            alive = len(workers) == 2 and all(worker.is_running() for worker in workers)
        finally:
            server.terminate()
            server.wait(timeout=30)
        report = {
            "statuses": dict(load.statuses),
            "commands": dict(load.commands),
            "unexpected": dict(load.unexpected),
            "delay_ms_by_half_minute": by_half_minute(load.delays),
            **trends(samples),
            "journal": compare_journal(home, load.answered),
            **read_log((home / "server.log").read_text()),
            "workers_restarted": not alive,
        }
    print(json.dumps(report, indent=1))
    wrong = faults(report)
    print("\n".join(wrong) or "nothing is wrong")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
