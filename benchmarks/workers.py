"""What a second worker brings, on a machine that has no core to spare for the load generator.

Each worker may use a fixed part of a core (the kernel's CPU bandwidth control), small enough that the load generator
is never the limit. So one worker and two are compared as they would be on one core and on two, only slower.
"""

import contextlib
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from contestants import Contestant, Running, start
from load import load

SHARE = 0.35
"""Of a core, for each worker: two of them and the load generator leave some of two cores idle."""
PERIOD_US = 10_000
ROUNDS = 5
CONNECTIONS = 32
_CGROUPS = Path("/sys/fs/cgroup")


def measure_two_workers(contestant: Contestant, home: Path, expected: str, seconds: int) -> dict[str, float | str]:
    """Requests/s of one and of two workers of `SHARE` of a core each, and their ratio; or why that cannot be had."""
    figures: dict[str, float | str] = {"core_share_of_a_worker": SHARE}
    try:
        for workers in (1, 2):
            figures |= _measure(contestant, home, expected, seconds, workers)
    except OSError as error:
        return {"not measured": f"CPU bandwidth control needs root and a writable cgroup: {error}"}
    figures["ratio"] = float(figures["rps_2"]) / float(figures["rps_1"])
    return figures


def _measure(contestant: Contestant, home: Path, expected: str, seconds: int, workers: int) -> dict[str, float | str]:
    chosen = replace(contestant, environment={**contestant.environment, "CHURN_WORKERS": str(workers)})
    log = home / "server.log"
    server = start(chosen, log, cores="0,1")
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        # The first worker up would otherwise be given every connection.
        while log.read_text().count("initialized") < workers:
            time.sleep(0.1)
        time.sleep(0.5)
        for pid in _workers(server):
            stack.enter_context(_limited([pid]))
        rounds = [load(server, seconds, expected, home, cores="0,1", connections=CONNECTIONS) for _ in range(ROUNDS)]
    if any(figures["errors"] or figures["wrong"] for figures in rounds):
        raise SystemExit(f"{workers} workers: errors or wrong probabilities")
    return {
        f"rps_{workers}": statistics.median(figures["rps"] for figures in rounds),
        f"cpu_us_per_request_{workers}": statistics.median(figures["cpu_us_per_request"] for figures in rounds),
    }


def _workers(server: Running) -> list[int]:
    """The processes that serve: those that BentoML's own process has started."""
    marks = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in server.processes()}
    return [pid for pid, command in marks.items() if b"_bentoml_impl.worker" in command]


@contextlib.contextmanager
def _limited(pids: Sequence[int]) -> Iterator[None]:
    """Hold processes to `SHARE` of a core, together."""
    quota = int(SHARE * PERIOD_US)
    first = (_CGROUPS / "cpu" / "cpu.cfs_quota_us").exists()  # version 1 of the interface
    group = (_CGROUPS / "cpu" if first else _CGROUPS) / f"churn-bench-{pids[0]}"
    group.mkdir()
    try:
        if first:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        for pid in pids:
            (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(OSError):  # it has ended
                (group.parent / "cgroup.procs").write_text(str(pid))
        with contextlib.suppress(OSError):
            group.rmdir()
