"""Journal lines, references and windows for the drift tests."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from churn.drift.comparison import compare
from churn.drift.distribution import Categories, Numbers
from churn.drift.reference import Reference
from churn.drift.report import Report
from churn.drift.window import Window
from churn.journal.record import FutureLines, Served
from churn.schema.reading import bundled_schema
from churn.settings import DriftSettings

TAG = "churn_model_v1:v1"
SCHEMA = bundled_schema()
SERVED = Served(TAG, SCHEMA)
START = datetime(2024, 11, 20, tzinfo=UTC)
REGIONS = ("NA", "EU", "AF", "AS")
from_the_ends = pytest.mark.parametrize("tail_bytes", [4000, 0], ids=["ends", "whole"])
"""Runs a test with a few lines of the files' ends, and with nothing but whole files."""


def moment(seconds: float) -> int:
    """The journal's microseconds, so many seconds after START."""
    return int((START + timedelta(seconds=seconds)).timestamp() * 1_000_000)


def line(seconds=0.0, model=TAG, request_id="r", **changes) -> bytes:
    """A journal line as the service writes it; a feature given as None is left out."""
    features = {
        "tenure_months": 12,
        "num_complaints": 1,
        "avg_session_minutes": 35.5,
        "plan_type": "basic",
        "region": "EU",
    }
    document = {
        "request_id": request_id,
        "model_version": model,
        "prediction": 1,
        "probability": 0.6,
        "threshold": 0.5,
        "latency_ms": 0.2,
        "features": {k: v for k, v in {**features, **changes.pop("features", {})}.items() if v is not None},
        "ts": (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z"),
        "warnings": [],
        "schema_version": 1,
    }
    return json.dumps(document | changes).encode() + b"\n"


def write_journal(path: Path, *lines: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(b"".join(lines)) if path.suffix == ".gz" else b"".join(lines))
    return path


BROKEN = {
    "half a line": line()[:80] + b"\n",
    "no JSON": b"Traceback (most recent call last):\n",
    "not an object": b"[1, 2, 3]\n",
    "null": b"null\n",
    "two objects": line()[:-1] + line(),
    "zeros after a crash": b"\0" * 50 + b"\n",
    "not UTF-8": line().replace(b"EU", b"\xff\xfe"),
    "no time": line(ts="yesterday"),
    "no model": line(model=None),
    "probability above 1": line(probability=1.5),
    "a time after the year 9999": line(ts="20260-11-24T12:00:00Z"),
    "a time after the year 9999 in UTC only": line(ts="9999-12-31T23:59:59-10:00"),
    "a time before the year 1": line(ts="0000-01-01T00:00:00Z"),
    "a time before the year 1 in UTC only": line(ts="0001-01-01T00:00:00+10:00"),
    "a time without dashes": line(ts="20241124T120000Z"),
    "a time as a week": line(ts="2024-W48-2T12:00:00Z"),
    "a time with a zone's name": line(ts="2024-11-24 12:00:00 Europe/Paris"),
    "the word for a time": line(ts="epoch"),
    "the time is a number": line(ts=1795514400),
    "probability is text": line(probability="high"),
    "probability is a number as text": line(probability="0.3"),
    "probability is true": line(probability=True),
    "no features": line(features=dict.fromkeys(SCHEMA.feature_names)),
    "no features of another model": line(model="other:v1").replace(b'"features"', b'"values"'),
}
"""Journal lines that are broken, by what is wrong with them."""


def at(seconds, **more) -> bytes:
    """A line whose session minutes say which one it is."""
    return line(seconds, features={"avg_session_minutes": float(seconds)}, **more)


def minutes_of(read: Window) -> list[float]:
    """The session minutes of a window's rows."""
    numbers = read.features["avg_session_minutes"]
    return np.repeat(numbers.values, numbers.counts).tolist()


def customers(rng, rows, **changes):
    """Columns of customers of the process in data/README.md; `changes` replaces some."""
    columns = {
        "tenure_months": rng.integers(1, 60, rows).astype(float),
        "num_complaints": rng.poisson(1.2, rows).astype(float),
        "avg_session_minutes": np.round(np.clip(rng.normal(35, 12, rows), 1, 120), 2),
        "plan_type": np.where(rng.random(rows) < 0.28, "premium", "basic"),
        "region": rng.choice(REGIONS, rows, p=[0.25, 0.30, 0.25, 0.20]),
    } | changes
    logit = 1.2 + 0.55 * columns["num_complaints"] - 0.03 * columns["tenure_months"]
    logit = logit - 0.02 * columns["avg_session_minutes"] - 0.35 * (columns["plan_type"] == "premium")
    return columns, 1 / (1 + np.exp(-logit))


def summarise(columns):
    return {
        name: Numbers.of(values) if values.dtype.kind == "f" else Categories.of(_counts(values))
        for name, values in columns.items()
    }


def _counts(values):
    names, counts = np.unique(values, return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def make_reference(seed=0, rows=1200) -> Reference:
    columns, probability = customers(np.random.default_rng(seed), rows)
    return Reference(rows, summarise(columns), Numbers.of(probability))


def make_report(rng, rows=500, **changes) -> Report:
    """A report on customers with changes, against `make_reference()`."""
    columns, probability = customers(rng, rows, **changes)
    features, prediction = summarise(columns), Numbers.of(probability)
    window = Window(TAG, rows, moment(0), moment(rows), features, prediction, {"other:v9": 7}, 3, 2, FutureLines())
    comparison = compare(make_reference(), features, prediction, DriftSettings())
    return Report(window, comparison, DriftSettings(), "2024-11-19T08:00:00Z", 1200, START + timedelta(hours=1))
