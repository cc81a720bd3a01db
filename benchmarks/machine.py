"""Facts about the machine, so that figures can be placed."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any


def facts() -> dict[str, Any]:
    """Processor, cores, kernel, Python, and the load average of the last minute."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line for line in lines if "model name" in line), "unknown")
    return {
        "cpu": model.rpartition(":")[2].strip(),
        "cores": os.cpu_count(),
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
    }


def version(python: Path, package: str) -> str:
    """A distribution of an environment, such as `kserve 0.21.0`."""
    code = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
    done = subprocess.run([str(python), "-c", code, package], capture_output=True, text=True, check=True)
    return f"{package} {done.stdout.strip()}"
