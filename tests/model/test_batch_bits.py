"""A customer's probability is the same to the last bit among however many others, wherever in the batch."""

import numpy as np
import pytest
from tables import Table, all_nullable, many_levels, wide

from churn.training.export import candidate_scorer, export_onnx
from churn.training.pipeline import train_model

ROWS = 65_537
SIZES = [*range(1, 71), 127, 128, 129, 255, 256, 257, 1_000, 4_096, 65_536]


def _very_wide() -> Table:
    return wide(200, 300)


def _rare_levels() -> Table:
    return many_levels(1_500, 300)


def _inputs(scorer, random):
    """Customers of every size of number, with texts that training saw and one that it did not."""
    schema = scorer.schema
    numbers = np.empty((ROWS, len(schema.numbers)), np.float32)
    for place, feature in enumerate(schema.numbers):
        low, high = max(feature.low, -3), min(feature.high, 100 if feature.kind == "integer" else 3)
        values = random.uniform(low, high, ROWS)
        values *= 10.0 ** random.integers(-8, 1, ROWS) if feature.kind == "number" else 1
        numbers[:, place] = np.where(random.random(ROWS) < 0.1, np.nan, values) if feature.optional else values
    categories = np.empty((ROWS, len(schema.categories)), object)
    for place, name in enumerate(schema.category_names):
        levels = [*scorer.card["categories"][name], "never seen"]
        categories[:, place] = np.array(levels, object)[random.integers(0, len(levels), ROWS)]
    return numbers, categories


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["logistic", "hist-gradient-boosting"])
@pytest.mark.parametrize("make", [_very_wide, _rare_levels, all_nullable])
def test_a_probability_does_not_depend_on_the_batch(make, estimator):
    trained = train_model(make().dataset, estimator=estimator, seed=1)
    scorer = candidate_scorer(trained, export_onnx(trained))
    numbers, categories = _inputs(scorer, np.random.default_rng(19))
    expected = scorer.score_columns(numbers, categories)
    assert len(np.unique(expected)) > 20
    for size in SIZES:
        for first in (0, 1, 5):  # so that blocks of memory begin anywhere
            last = min(ROWS, first + max(size, 10 * size if size < 1_000 else 0))
            found = [
                scorer.score_columns(
                    numbers[start : min(start + size, last)], categories[start : min(start + size, last)]
                )
                for start in range(first, last, size)
            ]
            np.testing.assert_array_equal(np.concatenate(found), expected[first:last], f"{size} rows from {first}")
