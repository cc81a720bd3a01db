"""Peak memory of a command."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

# Of a process that is started from here, the kernel counts what this one holds as its peak: it begins as a copy.
_STARTER = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
sys.stderr.write(f"\\n{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}")
sys.exit(code)
"""


class Measured(NamedTuple):
    """What a command ended with, what it wrote to standard output, and the most memory that it held."""

    returncode: int
    stdout: str
    peak_gib: float


def run_measured(command: list[str], *, cwd: Path, env: Mapping[str, str]) -> Measured:
    done = subprocess.run(
        [sys.executable, "-c", _STARTER, *command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    return Measured(done.returncode, done.stdout, int(done.stderr.rpartition("\n")[2]) / 2**20)
