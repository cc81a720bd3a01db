"""Training on a million rows, and on rows with holes."""

import json
import sys
import time

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from peak_memory import run_measured

pytestmark = pytest.mark.slow


_PLAIN_FIT = """
import sys, time
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler
import numpy as np
started = time.perf_counter()
frame = pd.read_csv(sys.argv[1], keep_default_na=False)
read = time.perf_counter() - started
numbers = StandardScaler().fit_transform(frame.iloc[:, :3].to_numpy(float))
encoded = np.hstack([numbers, OneHotEncoder(sparse_output=False).fit_transform(frame.iloc[:, 3:5])])
target = frame["churn"].to_numpy()
started = time.perf_counter()
LogisticRegression(max_iter=1000).fit(encoded, target)
print(read, time.perf_counter() - started)
"""


def test_a_million_rows_train_in_bounded_memory(home, tmp_path):
    """Writes the times to stderr (`-s` shows them): figures for the log, as the machine may be busy."""
    data = tmp_path / "million.csv"
    made = home.run("-m", "churn.dataset", "generate", "--rows", "1000000", "--seed", "5", "--out", str(data))
    assert made.returncode == 0, made.stderr
    plain = home.run("-c", _PLAIN_FIT, str(data))
    read, fit = map(float, plain.stdout.split())
    started = time.monotonic()
    done = run_measured([sys.executable, "train.py", "--data", str(data)], cwd=ROOT, env=home.environment)
    seconds = time.monotonic() - started
    assert done.returncode == 0
    sys.stderr.write(
        f"\n1,000,000 rows: {seconds:.1f} s with about 3 s of start-up, peak {done.peak_gib:.2f} GiB; "
        f"scikit-learn's fit {fit:.2f} s, pandas' read {read:.2f} s\n"
    )
    assert done.peak_gib < 2.0


def test_missing_values_are_imputed_not_dropped(home, tmp_path):
    frame = pd.read_csv(ROOT / "data" / "churn.csv", keep_default_na=False, dtype=str)
    rng = np.random.default_rng(3)
    for column in frame.columns[:-1]:
        frame.loc[rng.random(len(frame)) < 0.03, column] = ""
    frame.to_csv(tmp_path / "holes.csv", index=False)
    done = home.run("train.py", "--data", str(tmp_path / "holes.csv"))
    assert done.returncode == 0, done.stdout + done.stderr
    (entry,) = json.loads((home.registry / "metadata.json").read_text())
    assert entry["rows"] == 1200
