"""Load on a running server: wrk with one thread, each answer checked, figures as numbers."""

import json
import subprocess
from pathlib import Path

from places import HERE, LOAD_CORE
from running import Running

CONNECTIONS = 16


def load(
    server: Running,
    seconds: int,
    expected: str,
    folder: Path,
    *,
    cores: str = LOAD_CORE,
    connections: int = CONNECTIONS,
) -> dict[str, float]:
    """Ask a server as often as it answers.

    Args:
        server: what is asked.
        seconds: how long.
        expected: what each answer must contain, if the server's answers hold a probability; "" for anything.
        folder: for the body's file.
        cores: of the load generator, as `taskset` takes them.
        connections: kept alive, each with one request at a time.

    Returns:
        `requests`, `seconds`, `rps`, `p50_ms`, `p99_ms`, `p999_ms`, `max_ms`, `wrong` and `errors` (answers),
        `cpu_us_per_request` (of the server).

    """
    body = folder / "body.json"
    body.write_text(json.dumps(server.contestant.body))
    command = ["taskset", "-c", cores, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
    wanted = expected if server.contestant.scored else ""
    command += ["-s", str(HERE / "predict.lua"), server.url, "--", str(body), wanted]
    before = server.cpu_seconds()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("FIGURES ")]
    if done.returncode or not lines:
        raise SystemExit(f"wrk failed:\n{done.stdout}{done.stderr}")
    figures: dict[str, float] = json.loads(lines[0].removeprefix("FIGURES "))
    figures["rps"] = figures["requests"] / figures["seconds"]
    figures["cpu_us_per_request"] = (server.cpu_seconds() - before) / max(figures["requests"], 1) * 1e6
    return figures
