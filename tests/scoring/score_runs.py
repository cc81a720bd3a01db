"""Runs of `score.py` for tests: several in one process, which saves the start of all but the first."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, Home

from churn.model.scorer import Scorer

_MANY = """
import contextlib, io, json, sys
sys.path.insert(0, {root!r})
{before}
from score import main
for arguments in json.loads(sys.stdin.read()):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as error:
            code = error.code
    print(json.dumps([code, out.getvalue(), err.getvalue()]))
"""


@dataclass(frozen=True)
class Done:
    """A run that ended."""

    code: int
    out: str
    err: str


def score_each(home: Home, *runs: tuple[str, ...], before: str = "") -> list[Done]:
    """Run `score.py` with each of these arguments, after some statements of Python."""
    done = subprocess.run(
        [sys.executable, "-c", _MANY.format(root=str(ROOT), before=before)],
        cwd=ROOT,
        env=home.environment,
        input=json.dumps([[str(argument) for argument in run] for run in runs]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Done(*json.loads(line)) for line in done.stdout.splitlines()]


def customers(rows: int, seed: int = 1) -> pd.DataFrame:
    """Customers of the bundled table."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "tenure_months": random.integers(1, 60, rows),
            "num_complaints": random.poisson(1.2, rows),
            "avg_session_minutes": random.normal(35, 12, rows).clip(1, 120),
            "plan_type": random.choice(["basic", "premium"], rows),
            "region": random.choice(["NA", "EU", "AF", "AS"], rows),
        }
    )


def scorer_of(home: Home) -> Scorer:
    """The model of a home, as the service loads it."""
    tag = home.pointer.read_text(encoding="utf-8").strip()
    return Scorer.load(tag, home.bentoml_home / "models" / Path(*tag.split(":")))


def contents(folder: Path) -> dict[str, bytes]:
    """What a folder holds."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def scoring_home(trained_home, tmp_path_factory) -> Home:
    """A home whose logs may be written, with the trained model."""
    home = Home(tmp_path_factory.mktemp("scoring") / "home", trained_home.bentoml_home)
    shutil.copytree(trained_home.path, home.path, ignore=shutil.ignore_patterns("logs", "*.log"))
    return home
