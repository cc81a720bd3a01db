"""Confusion at each threshold against scikit-learn's."""

import numpy as np
import pytest
from evaluated_rows import WILD, predicted, sample
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from churn.model_report.ranking import Ranking
from churn.model_report.thresholds import confusion, trade_off


def expected(target, decision, threshold):
    matrix = oracle.confusion_matrix(target, decision, labels=[0, 1])
    return {
        "threshold": threshold,
        "contacted": int(decision.sum()),
        "true_positives": matrix[1, 1],
        "false_positives": matrix[0, 1],
        "false_negatives": matrix[1, 0],
        "true_negatives": matrix[0, 0],
        "precision": oracle.precision_score(target, decision, zero_division=0),
        "recall": oracle.recall_score(target, decision, zero_division=0),
        "f1": oracle.f1_score(target, decision, zero_division=0),
    }


@given(WILD, st.sampled_from([0.0, 0.05, 0.25, 0.312, 0.97, 1.0]))
@settings(max_examples=20, deadline=None)
def test_each_row_is_scikit_learns(rows, served):
    target, probability = rows
    found = trade_off(Ranking.of(target, probability), served)
    thresholds = [row["threshold"] for row in found]
    assert thresholds == sorted({*(n / 20 for n in range(1, 20)), served})
    for row in found:
        decision = (probability >= row["threshold"]).astype(int)
        assert row["contacted"] == decision.sum()
        assert row["true_positives"] == (decision * target).sum()
    row = found[thresholds.index(served)]
    assert row == pytest.approx(expected(target, (probability >= served).astype(int), served), abs=1e-9)


@given(WILD, st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_the_confusion_of_decisions_is_scikit_learns(rows, seed):
    target, _ = rows
    decision = (np.random.default_rng(seed).random(len(target)) < seed / 99).astype(np.int8)
    assert confusion(target, decision, 0.3) == pytest.approx(expected(target, decision, 0.3), abs=1e-9)


def test_every_figure_is_plain():
    predictions = predicted(*sample(50, 1))
    rows = trade_off(Ranking.of(predictions.target, predictions.probability), 0.5)
    rows.append(confusion(predictions.target, predictions.decision, 0.5))
    assert {type(value) for row in rows for value in row.values()} == {int, float}
