"""What a soak did to the service, and what of that is wrong."""

import collections
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

WARM_UP_SHARE = 0.3
MEMORY_SLOPE_MIB = 1.0
"""MiB a minute after the warm-up that count as a leak."""


def by_half_minute(delays: Sequence[tuple[float, float]]) -> list[dict[str, float]]:
    """Median and 99th percentile in ms of each half minute, from (time of the request, delay) in seconds."""
    windows = collections.defaultdict(list)
    for at, delay in delays:
        windows[int((at - delays[0][0]) // 30)].append(delay * 1e3)
    return [
        {"median": round(statistics.median(window), 2), "p99": round(float(np.percentile(window, 99)), 2)}
        for _, window in sorted(windows.items())
    ]


def trends(samples: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Memory, files and threads in the first and last quarter after the warm-up, and the slope of the memory."""
    rest = samples[int(len(samples) * WARM_UP_SHARE) :]
    minutes = np.array([sample["at"] / 60 for sample in rest])
    slope = float(np.polyfit(minutes, [sample["memory_mib"] for sample in rest], 1)[0]) if len(rest) > 2 else 0.0
    quarter = max(1, len(rest) // 4)
    # Medians: a model that is being loaded has a thread and a file of its own for a moment.
    ends: dict[str, Any] = {
        name: [
            round(statistics.median(sample[name] for sample in part), 1) for part in (rest[:quarter], rest[-quarter:])
        ]
        for name in ("memory_mib", "files", "threads")
    }
    return {"memory_slope_mib_a_minute": round(slope, 3), **ends}


def compare_journal(home: Path, answered: collections.Counter[str]) -> dict[str, int]:
    """How the journal and the answers agree."""
    lines: collections.Counter[str] = collections.Counter()
    for file in (home / "logs").glob("predictions*"):
        lines.update(json.loads(line)["request_id"] for line in file.read_text().splitlines())
    return {
        "answered": len(answered),
        "missing": len(answered.keys() - lines.keys()),
        "twice": sum(count > 1 for count in lines.values()),
        "never answered": len(lines.keys() - answered.keys()),
    }


def read_log(log: str) -> dict[str, Any]:
    """How often each event was logged, and how many lines are not of our form."""
    ours = [line for line in log.splitlines() if line.startswith('{"ts"')]
    events = collections.Counter(f"{row['level']} {row['event']}" for row in map(json.loads, ours))
    return {"log": dict(events), "log_lines_that_are_not_json": len(log.splitlines()) - len(ours)}


def faults(report: Mapping[str, Any]) -> list[str]:
    """What is wrong in a report."""
    wrong = []
    if report["unexpected"]:
        wrong.append(f"unexpected answers: {report['unexpected']}")
    if report["memory_slope_mib_a_minute"] >= MEMORY_SLOPE_MIB:
        wrong.append("memory grows")
    wrong += [f"more {kind} than before" for kind in ("files", "threads") if report[kind][1] > report[kind][0]]
    wrong += [f"journal: {count} {kind}" for kind, count in report["journal"].items() if kind != "answered" and count]
    wrong += [f"log: {event}" for event in report["log"] if event.startswith(("ERROR", "WARNING", "CRITICAL"))]
    if report["workers_restarted"]:
        wrong.append("a worker was restarted")
    return wrong
