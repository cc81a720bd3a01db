"""Curves against scikit-learn's at every point, and their polygons against the whole curves."""

import numpy as np
import pytest
from evaluated_rows import WILD, sample
from hypothesis import given, settings
from sklearn import metrics as oracle

from churn.model_report.curves import BINS, MOST_POINTS, histogram, precision_recall, roc, simplify
from churn.model_report.ranking import Ranking


def points(curve, names):
    return list(zip(*(curve[name] for name in names), strict=True))


def scikit_learns_roc(target, probability):
    false_positive, true_positive, threshold = oracle.roc_curve(target, probability, drop_intermediate=False)
    return {t: (fpr, tpr) for t, fpr, tpr in zip(threshold[1:], false_positive[1:], true_positive[1:], strict=True)}


def scikit_learns_precision_recall(target, probability):
    precision, recall, threshold = oracle.precision_recall_curve(target, probability)
    return {t: (r, p) for t, r, p in zip(threshold, recall[:-1], precision[:-1], strict=True)}


@given(WILD)
@settings(max_examples=20, deadline=None)
def test_each_point_of_the_roc_curve_is_scikit_learns(rows):
    found = points(roc(Ranking.of(*rows)), ["false_positive_rate", "true_positive_rate", "threshold"])
    expected = scikit_learns_roc(*rows)
    assert found[0] == (0, 0, None)
    assert found[-1][:2] == (1, 1)
    assert len(found) <= MOST_POINTS
    for *point, threshold in found[1:]:
        assert point == pytest.approx(expected[threshold], abs=1e-9)


@given(WILD)
@settings(max_examples=20, deadline=None)
def test_each_point_of_precision_over_recall_is_scikit_learns(rows):
    found = points(precision_recall(Ranking.of(*rows)), ["recall", "precision", "threshold"])
    expected = scikit_learns_precision_recall(*rows)
    assert found[0] == (0, 1, None)
    assert found[-1][:2] == pytest.approx((1, np.mean(rows[0])), abs=1e-9)
    assert len(found) <= MOST_POINTS
    for *point, threshold in found[1:]:
        assert point == pytest.approx(expected[threshold], abs=1e-9)


@pytest.mark.parametrize("curve", [roc, precision_recall])
def test_a_small_curve_loses_nothing(curve):
    target, probability = sample(150, 1)
    x, y = list(curve(Ranking.of(target, probability)).values())[:2]
    expected = {roc: scikit_learns_roc, precision_recall: scikit_learns_precision_recall}[curve](target, probability)
    for exact in expected.values():
        assert distance(exact, list(zip(x, y, strict=True))) < 1e-9


@pytest.mark.parametrize("curve", [roc, precision_recall])
@pytest.mark.parametrize("rows", [1_200, 7_000, 60_000])
def test_nobody_sees_what_a_large_curve_loses(curve, rows):
    """On a picture 400 pixels wide, no point is further from the polygon than about two pixels."""
    target, probability = sample(rows, 2)
    x, y = list(curve(Ranking.of(target, probability)).values())[:2]
    expected = {roc: scikit_learns_roc, precision_recall: scikit_learns_precision_recall}[curve](target, probability)
    every = list(expected.values())
    polygon = list(zip(x, y, strict=True))
    assert max(distance(exact, polygon) for exact in every[:: max(len(every) // 500, 1)]) < 0.006


def distance(point, polygon):
    """Of a point from the nearest segment of a polygon."""
    corners = np.array(polygon)
    start, way = corners[:-1], np.diff(corners, axis=0)
    length = np.maximum((way**2).sum(axis=1), 1e-300)
    along = np.clip(((point - start) * way).sum(axis=1) / length, 0, 1)
    return np.hypot(*(start + along[:, None] * way - point).T).min()


def test_the_furthest_point_is_taken_first():
    x = np.array([0.0, 0.2, 0.5, 0.7, 1.0])
    y = np.array([0.0, 0.6, 0.95, 0.75, 1.0])
    assert simplify(x, y, 2).tolist() == [0, 4]
    assert simplify(x, y, 3).tolist() == [0, 2, 4]  # 0.45 / sqrt(2) from the diagonal
    assert simplify(x, y, 4).tolist() == [0, 2, 3, 4]
    assert simplify(x, y, 5).tolist() == [0, 1, 2, 3, 4]
    assert simplify(np.zeros(3), np.array([0.0, 1.0, 0.0]), 3).tolist() == [0, 1, 2]
    assert simplify(np.arange(5.0), np.arange(5.0), 5).tolist() == [0, 4]


@given(WILD)
@settings(max_examples=20, deadline=None)
def test_the_histogram_is_a_loop_over_rows(rows):
    target, probability = rows
    found = histogram(target, probability)
    assert found["edges"] == pytest.approx(np.linspace(0, 1, BINS + 1))
    for value, name in ((1, "churners"), (0, "stayers")):
        counts = [0] * BINS
        for churned, share in zip(target, probability, strict=True):
            if churned == value:
                counts[max(n for n in range(BINS) if share >= found["edges"][n])] += 1
        assert found[name] == counts
