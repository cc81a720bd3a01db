"""Segments and columns against loops over levels, with scikit-learn's metrics."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from evaluated_rows import predicted, sample
from sklearn import metrics as oracle

from churn.model_report.columns import describe_columns
from churn.model_report.segments import MOST_SEGMENTS, segments
from churn.schema.reading import parse_schema

SCHEMA = parse_schema(
    b"""version = 1
name = "made"
[target]
column = "left"
[[feature]]
name = "plan"
kind = "category"
missing = "impute"
[[feature]]
name = "months"
kind = "number"
missing = "impute"
[[feature]]
name = "online"
kind = "boolean"
missing = "impute"
""",
    "schema.toml",
)


def frame(rows, seed=1):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "plan": pd.Categorical(rng.choice(["", "a", "b", "rare"], rows, p=[0.2, 0.5, 0.29, 0.01])),
            "months": np.where(rng.random(rows) < 0.1, np.nan, rng.integers(0, 50, rows)),
            "online": rng.choice([0.0, 1.0, np.nan], rows, p=[0.3, 0.5, 0.2]),
        }
    )


def masks(table):
    yield "plan", "missing", (table["plan"] == "").to_numpy()
    for level in ("a", "b"):
        yield "plan", level, (table["plan"] == level).to_numpy()
    yield "online", "false", (table["online"] == 0).to_numpy()
    yield "online", "true", (table["online"] == 1).to_numpy()
    yield "online", "missing", table["online"].isna().to_numpy()


@pytest.mark.parametrize("levels", [None, 6])
def test_each_segment_is_a_loop_with_scikit_learns_metrics(levels):
    target, probability = sample(2_000, 7, levels)
    table = frame(2_000)
    found, count = segments(predicted(target, probability, frame=table), SCHEMA)
    expected = [
        {
            "feature": feature,
            "level": level,
            "rows": int(rows.sum()),
            "churn_rate": target[rows].mean(),
            "mean_probability": probability[rows].mean(),
            "log_loss": oracle.log_loss(target[rows], probability[rows], labels=[0, 1]),
            "roc_auc": oracle.roc_auc_score(target[rows], probability[rows]),
        }
        for feature, level, rows in masks(table)
    ]
    assert count == len(expected)
    for one, other in zip(found, sorted(expected, key=lambda segment: -segment["rows"]), strict=True):
        assert one == pytest.approx(other, abs=1e-9)


def test_a_segment_needs_100_different_customers():
    target, probability = sample(210, 8)
    table = frame(210).assign(plan=pd.Categorical(["a"] * 99 + ["b"] * 100 + [""] * 11), online=np.nan)
    assert [(s["feature"], s["level"]) for s in segments(predicted(target, probability, frame=table), SCHEMA)[0]] == [
        ("online", "missing"),
        ("plan", "b"),
    ]
    index = np.r_[np.arange(210), np.repeat(np.arange(99), 4)]  # of "a" there are 495 rows now, and 99 customers
    copied = predicted(target[index], probability[index], index, table.iloc[index])
    assert [s["level"] for s in segments(copied, SCHEMA)[0]] == ["missing", "b"]


def test_a_segment_of_one_class_has_no_area():
    target, probability = sample(400, 9)
    table = frame(400).assign(plan=pd.Categorical(np.where(target == 1, "a", "b")), online=1.0)
    areas = {s["level"]: s["roc_auc"] for s in segments(predicted(target, probability, frame=table), SCHEMA)[0]}
    assert areas["a"] is areas["b"] is None
    assert areas["true"] == pytest.approx(oracle.roc_auc_score(target, probability))


def test_of_many_segments_the_largest_are_kept():
    target, probability = sample(9_000, 10)
    plan = np.repeat(np.arange(80).astype(str), np.linspace(101, 123, 80).astype(int))
    plan = np.append(plan, ["z"] * (9_000 - len(plan)))
    table = frame(9_000).assign(plan=pd.Categorical(plan), online=1.0)
    found, count = segments(predicted(target, probability, frame=table), SCHEMA)
    rows = [segment["rows"] for segment in found]
    assert len(found) == MOST_SEGMENTS
    assert count == 81  # 80 plans, and one level of the boolean
    assert rows == sorted(rows, reverse=True)
    assert rows[-1] >= 106


def test_columns_are_a_loop_over_values():
    table = frame(500)
    plan, months, online = describe_columns(table, SCHEMA)
    counts = {level: list(table["plan"]).count(level) for level in ("a", "b", "rare")}
    assert plan == {
        "feature": "plan",
        "kind": "category",
        "missing": list(table["plan"]).count(""),
        "levels": 3,
        "top": [[level, counts[level] / 500] for level in sorted(counts, key=counts.get, reverse=True)],
    }
    known = [value for value in table["months"] if not np.isnan(value)]
    assert months == {
        "feature": "months",
        "kind": "number",
        "missing": 500 - len(known),
        "minimum": min(known),
        "maximum": max(known),
        "mean": pytest.approx(sum(known) / len(known)),
    }
    assert online["missing"] == table["online"].isna().sum()


def test_columns_that_are_empty_or_have_many_levels():
    table = pd.DataFrame(
        {"plan": pd.Categorical([*"ccbbaadefg", ""]), "months": np.full(11, np.nan), "online": np.ones(11)}
    )
    plan, months, online = describe_columns(table, SCHEMA)
    assert plan["levels"] == 7
    assert [level for level, _ in plan["top"]] == ["a", "b", "c", "d", "e"]
    assert (months["missing"], months["minimum"], months["maximum"], months["mean"]) == (11, None, None, None)
    assert (online["missing"], online["minimum"], online["maximum"], online["mean"]) == (0, 1, 1, 1)


def test_memory_does_not_grow_with_the_levels():
    rows = 40_000
    target, probability = sample(rows, 10)
    table = frame(rows).assign(plan=pd.Categorical((np.arange(rows) % 300).astype(str)))
    predictions = predicted(target, probability, frame=table)
    tracemalloc.start()
    segments(predictions, SCHEMA)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 * 8 * rows
