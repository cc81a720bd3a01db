"""Folders of the benchmarks, and the cores that they share out."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BIN = Path(sys.executable).parent
ALTERNATIVES = HERE / "alternatives"
ENVIRONMENTS = HERE / ".envs"
"""One virtual environment a framework, made by `make bench`."""
SERVER_CORE, LOAD_CORE = "0", "1"
