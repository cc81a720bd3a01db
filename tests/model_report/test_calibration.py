"""Calibration against a loop over bins, its intervals against SciPy's."""

import numpy as np
import pytest
from evaluated_rows import WILD, predicted, sample
from hypothesis import given, settings
from scipy.stats import binomtest

from churn.evaluation import evaluate, exact_cells
from churn.model_report.calibration import calibration, wilson_interval


def wilson(churners, customers):
    interval = binomtest(churners, customers).proportion_ci(0.95, method="wilson")
    return interval.low, interval.high


@pytest.mark.parametrize("rows", [1_000, 6_000])
def test_each_bin_is_a_loop_over_a_tenth_of_the_rows(rows):
    target, probability = sample(rows, 3)
    order = np.argsort(probability)
    found = calibration(exact_cells(predicted(target, probability)))
    for part, expected in zip(found, np.split(order, 10), strict=True):
        low, high = wilson(int(target[expected].sum()), rows // 10)
        assert part == pytest.approx(
            {
                "rows": rows // 10,
                "mean_probability": probability[expected].mean(),
                "churn_rate": target[expected].mean(),
                "low": low,
                "high": high,
            },
            abs=1e-9,
        )


@given(WILD)
@settings(max_examples=20, deadline=None)
def test_the_bins_hold_all_rows_in_order_and_give_the_metric(rows):
    predictions = predicted(*rows)
    found = calibration(exact_cells(predictions))
    assert sum(part["rows"] for part in found) == len(rows[0])
    assert sum(part["rows"] * part["churn_rate"] for part in found) == pytest.approx(rows[0].sum())
    means = [part["mean_probability"] for part in found]
    assert means == sorted(means)
    gaps = [part["rows"] * abs(part["mean_probability"] - part["churn_rate"]) for part in found]
    metric = evaluate(predictions, 1).values["calibration_error"]
    assert sum(gaps) / len(rows[0]) == pytest.approx(metric, abs=1e-9)
    for part in found:
        assert 0 <= part["low"] <= part["churn_rate"] <= part["high"] <= 1


def test_a_copy_is_no_further_customer():
    target, probability = sample(500, 4)
    once = calibration(exact_cells(predicted(target, probability)))
    copies = [np.tile(column, 20) for column in (target, probability, np.arange(500))]
    many = calibration(exact_cells(predicted(*copies)))
    for one, twenty in zip(once, many, strict=True):
        assert twenty == pytest.approx(one | {"rows": 20 * one["rows"]}, abs=1e-9)


def test_customers_with_many_rows_are_worth_fewer_than_there_are():
    """100 customers in one bin, one of whom has 100 rows: 199 rows are worth 199^2 / (99 + 100^2) = 3.9."""
    customer = np.concatenate([np.arange(99), np.full(100, 99)])
    target = np.concatenate([np.resize([0, 1, 1], 99), np.ones(100)])
    (found,) = calibration(exact_cells(predicted(target, np.full(199, 0.3), customer)))
    assert (found["low"], found["high"]) == wilson_interval(166 / 199, 199**2 / (99 + 100**2))
    assert found["high"] - found["low"] > 0.5


@pytest.mark.parametrize(("churners", "customers"), [(0, 1), (1, 1), (0, 40), (3, 40), (40, 40), (17, 100_000)])
def test_wilsons_interval_is_scipys(churners, customers):
    assert wilson_interval(churners / customers, customers) == pytest.approx(wilson(churners, customers), abs=1e-9)
