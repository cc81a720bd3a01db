"""What Evidently's defaults say of windows; run by drift_power.py, in an environment that has Evidently.

Reads the windows from the file that it is given; prints a JSON list with the drifted columns of each window.
"""

import contextlib
import json
import os
import sys
from typing import Any

os.environ["DO_NOT_TRACK"] = "1"

import numpy as np
import numpy.typing as npt
import pandas as pd
from evidently import Report  # type: ignore[import-not-found]  # lives in an environment of its own
from evidently.presets import DataDriftPreset  # type: ignore[import-not-found]  # the same


def main(path: str) -> None:
    """Judge every window."""
    with np.load(path) as file:
        columns = {name: file[name] for name in file.files}
    training = _frame(columns, "training_")
    windows = _frame(columns, "live_", window=0)
    count = len(columns[f"live_{windows.columns[0]}"])
    with contextlib.redirect_stdout(sys.stderr):
        found = [_drifted(training, _frame(columns, "live_", window=number)) for number in range(count)]
    sys.stdout.write(json.dumps(found))


def _frame(columns: dict[str, npt.NDArray[Any]], prefix: str, window: int | None = None) -> pd.DataFrame:
    chosen = {name.removeprefix(prefix): values for name, values in columns.items() if name.startswith(prefix)}
    return pd.DataFrame({name: values if window is None else values[window] for name, values in chosen.items()})


def _drifted(training: pd.DataFrame, live: pd.DataFrame) -> list[str]:
    metrics = Report([DataDriftPreset()]).run(live, training).dict()["metrics"]
    drifted = []
    for metric in metrics:
        config = metric["config"]
        if config["type"].endswith("ValueDrift"):
            value, threshold = float(metric["value"]), float(config["threshold"])
            below = "p_value" in config["method"]
            if value < threshold if below else value >= threshold:
                drifted.append(config["column"])
    return drifted


if __name__ == "__main__":
    main(sys.argv[1])
