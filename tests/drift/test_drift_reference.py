import json
import math

import numpy as np
import pandas as pd
import pytest
from drift_samples import SCHEMA, customers

from churn.drift.distribution import MAX_VALUES, Categories, Numbers
from churn.drift.reference import build_reference, read_reference, train_stats
from churn.errors import DriftError


def frame(rows, seed=0):
    columns, probability = customers(np.random.default_rng(seed), rows)
    return pd.DataFrame(columns), probability


def test_a_reference_survives_being_stored_exactly(tmp_path):
    rows, probability = frame(1200)
    rows.loc[3, "tenure_months"] = math.nan
    rows.loc[4, "region"] = ""
    path = tmp_path / "reference.json"
    path.write_text(json.dumps(build_reference(rows, probability), allow_nan=False))
    reference = read_reference(path, SCHEMA)
    assert (reference.rows, tuple(reference.features)) == (1200, SCHEMA.feature_names)
    tenure, region = reference.features["tenure_months"], reference.features["region"]
    known = rows["tenure_months"].dropna()
    assert np.repeat(tenure.values, tenure.counts).tolist() == sorted(known)
    assert (tenure.missing, region.missing) == (1, 1)
    assert (tenure.mean, tenure.std) == (pytest.approx(known.mean()), pytest.approx(known.std()))
    assert region.counts == rows["region"].replace("", np.nan).value_counts().to_dict()
    assert np.repeat(reference.prediction.values, reference.prediction.counts).tolist() == sorted(probability)


def test_categories_may_be_a_categorical_column():
    rows, probability = frame(300)
    as_category = rows.astype({"plan_type": "category", "region": "category"})
    as_category["region"] = as_category["region"].cat.add_categories(["UNUSED"])
    assert build_reference(as_category, probability) == build_reference(rows, probability)


def test_a_million_rows_are_summarised_in_little_room():
    rows, probability = frame(1_000_000)
    stored = build_reference(rows, probability)
    assert len(json.dumps(stored, indent=1)) < 200_000
    minutes = stored["features"]["avg_session_minutes"]
    assert sum(minutes["counts"]) == 1_000_000


def test_a_shortened_distribution_is_exact_at_each_of_its_values():
    values = np.random.default_rng(2).normal(size=20_000)
    short = Numbers.of(values).shortened(MAX_VALUES)
    assert not short.exact
    assert len(short.values) <= MAX_VALUES
    expected = [np.count_nonzero(values <= value) for value in short.values]
    assert np.cumsum(short.counts).tolist() == expected
    assert np.max(short.counts) <= 2 * 20_000 / MAX_VALUES


def test_rare_categories_beyond_the_limit_are_counted_together():
    many = Categories.of({f"R{number}": 2000 - number for number in range(1500)})
    stored = Categories.from_json(many.as_json())
    assert len(stored.counts) == 1000
    assert stored.others == sum(2000 - number for number in range(1000, 1500))


def test_train_stats_are_of_the_values_that_are_there():
    rows, _ = frame(100)
    rows.loc[:9, "tenure_months"] = math.nan
    stats = train_stats(rows)["tenure_months"]
    known = rows["tenure_months"][10:]
    assert stats == {"mean": pytest.approx(known.mean()), "std": pytest.approx(known.std())}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "is not a drift reference"),
        ("[]", "is not a drift reference"),
        ('{"format_version": 2}', "has format 2, this program reads format 1"),
        ('{"format_version": 1, "rows": 5}', "is damaged"),
        ('{"format_version": 1, "rows": 5, "features": {"x": 5}, "prediction": {}}', "is damaged"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_cure(tmp_path, content, message):
    path = tmp_path / "reference.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DriftError, match=message):
        read_reference(path, SCHEMA)


def test_a_reference_of_other_features_is_refused(tmp_path):
    rows, probability = frame(50)
    stored = build_reference(rows, probability)
    stored["features"]["shoe_size"] = stored["features"].pop("region")
    path = tmp_path / "reference.json"
    path.write_text(json.dumps(stored))
    with pytest.raises(DriftError, match=r"differ in shoe_size, region; .*train anew"):
        read_reference(path, SCHEMA)
