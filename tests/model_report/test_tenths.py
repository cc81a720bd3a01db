"""Tenths against a loop over rows, and against the metric."""

import numpy as np
import pytest
from evaluated_rows import WILD, predicted, sample
from hypothesis import given, settings

from churn.evaluation import evaluate
from churn.model_report.ranking import Ranking
from churn.model_report.tenths import tenths


def churners_of_the_first(wanted, target, probability):
    """Row by row from the top; rows of one probability all count with its churn rate."""
    rate = {value: target[probability == value].mean() for value in set(probability)}
    found = 0.0
    for value in sorted(probability, reverse=True):
        found += rate[value] * min(1.0, max(wanted, 0.0))
        wanted -= 1
    return found


@given(WILD)
@settings(max_examples=20, deadline=None)
def test_each_tenth_is_a_loop_over_rows(rows):
    target, probability = rows
    found = tenths(Ranking.of(target, probability))
    assert len(found) == 10
    before = 0.0
    for number, tenth in enumerate(found, start=1):
        size = len(target) / 10
        so_far = churners_of_the_first(number * size, target, probability)
        assert tenth == pytest.approx(
            {
                "rows": size,
                "churners": so_far - before,
                "churn_rate": (so_far - before) / size,
                "lift": (so_far - before) / size / target.mean(),
                "captured": so_far / target.sum(),
            },
            abs=1e-9,
        )
        before = so_far


@pytest.mark.parametrize(("rows", "levels"), [(100, None), (1001, 30), (9_000, None)])
def test_the_first_tenth_has_the_lift_of_the_metric(rows, levels):
    target, probability = sample(rows, 3, levels)
    metric = evaluate(predicted(target, probability), 1).values["lift_top_tenth"]
    assert tenths(Ranking.of(target, probability))[0]["lift"] == pytest.approx(metric, abs=1e-9)


def test_the_tenths_hold_all_rows_and_all_churners():
    target, probability = sample(777, 4, levels=5)
    found = tenths(Ranking.of(target, probability))
    assert sum(tenth["rows"] for tenth in found) == pytest.approx(777)
    assert sum(tenth["churners"] for tenth in found) == pytest.approx(np.sum(target))
    assert found[-1]["captured"] == 1
