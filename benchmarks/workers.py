"""What a second worker brings, on a machine that has no core to spare for the load generator.

Each worker may use a fixed part of a core (the kernel's CPU bandwidth control), small enough that the load generator
is never the limit. So one worker and two are compared as they would be on one core and on two, only slower.
"""

import contextlib
import statistics
from collections.abc import Iterator
from pathlib import Path

from load import load
from running import Contestant, Running, start_workers

SHARE = 0.35
"""Of a core, for each worker: two of them and the load generator leave some of two cores idle."""
PERIOD_US = 10_000
ROUNDS = 3
CONNECTIONS = 32
_CGROUPS = Path("/sys/fs/cgroup")


def measure_two_workers(contestant: Contestant, home: Path, expected: str, seconds: int) -> dict[str, float | str]:
    """Requests/s of one and of two workers of `SHARE` of a core each, and their ratio; or why that cannot be had."""
    rounds: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    with contextlib.ExitStack() as stack:
        try:
            servers = {workers: stack.enter_context(_limited_service(contestant, home, workers)) for workers in rounds}
        except OSError as error:
            return {"not measured": f"CPU bandwidth control needs root and a writable cgroup: {error}"}
        for _ in range(ROUNDS):  # in turns, so that a slow minute of the machine hits both
            for workers, server in servers.items():
                found = load(server, seconds, expected, home, cores="0,1", connections=CONNECTIONS)
                if found["errors"] or found["wrong"]:
                    raise SystemExit(f"{workers} workers: errors or wrong probabilities")
                rounds[workers].append(found)
    rates = {workers: [found["rps"] for found in figures] for workers, figures in rounds.items()}
    return {
        "core_share_of_a_worker": SHARE,
        **{f"rps_{workers}": statistics.median(figures) for workers, figures in rates.items()},
        "ratio": statistics.median(two / one for one, two in zip(rates[1], rates[2], strict=True)),
    }


@contextlib.contextmanager
def _limited_service(contestant: Contestant, home: Path, workers: int) -> Iterator[Running]:
    server = start_workers(contestant, home / f"server-{workers}.log", workers)
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        for pid in _workers(server):
            stack.enter_context(_limited(pid))
        yield server


def _workers(server: Running) -> list[int]:
    """The processes that serve: those that BentoML's own process has started."""
    marks = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in server.processes()}
    return [pid for pid, command in marks.items() if b"_bentoml_impl.worker" in command]


@contextlib.contextmanager
def _limited(pid: int) -> Iterator[None]:
    """Hold a process to `SHARE` of a core."""
    quota = int(SHARE * PERIOD_US)
    first = (_CGROUPS / "cpu" / "cpu.cfs_quota_us").exists()  # version 1 of the interface
    group = (_CGROUPS / "cpu" if first else _CGROUPS) / f"churn-bench-{pid}"
    group.mkdir()
    try:
        if first:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        with contextlib.suppress(OSError):  # it has ended
            (group.parent / "cgroup.procs").write_text(str(pid))
        with contextlib.suppress(OSError):
            group.rmdir()
