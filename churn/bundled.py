"""The bundled table: simulated customers, and their schema.

The files lie in the project's folders `data/` and `schemas/`; a wheel has them inside the package.
"""

from pathlib import Path

_INSIDE = Path(__file__).parent / "_bundled"
_ROOT = _INSIDE if _INSIDE.is_dir() else Path(__file__).parents[1]

DATA = _ROOT / "data" / "churn.csv"
SCHEMA = _ROOT / "schemas" / "churn.toml"
