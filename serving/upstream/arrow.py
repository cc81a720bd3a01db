"""pyarrow 22 to 26: what it does not promise and is used here.

Its first conversion from Python imports pandas where that is installed, to know pandas' own types: the event loop would
stand still for half a second, and the process keep 60 MB. It tries once. Goes when pyarrow asks whether pandas is
imported instead of importing it.
"""

import sys
from importlib.machinery import ModuleSpec

import pyarrow as pa


class _NoPandas:
    """Finds no pandas, and leaves all else to other finders."""

    @staticmethod
    def find_spec(name: str, *_: object) -> ModuleSpec | None:
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not for this process", name=name)
        return None


def do_without_pandas() -> None:
    """Let pyarrow find that there is no pandas. To be called in a worker, when it starts."""
    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(_NoPandas)
