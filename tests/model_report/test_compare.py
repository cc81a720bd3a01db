import copy

import pytest
from html_text import Page
from report_samples import make_document

from churn.model_report.page import render_comparison


@pytest.fixture(scope="module")
def first():
    return make_document()


@pytest.fixture(scope="module")
def second():
    return make_document(seed=4, estimator="hist-gradient-boosting", passed=False)


def compared(first, second):
    return Page(render_comparison(first, second))


def test_both_are_named_with_their_verdicts_and_facts(first, second):
    page = compared(first, second)
    assert page.headings[0] == (1, "churn_model_v1:v3 beside churn_model_v1:v6")
    assert "Passed: the gate's 8 rules are kept" in page.sentences
    assert "Refused: 1 of the gate's 8 rules broken" in page.sentences
    facts = {row[0]: row[1:] for row in page.table("fact")}
    assert facts["estimator"] == ["logistic, C 0.5", "hist-gradient-boosting, C 0.5"]
    assert facts["schema"] == ["both: churn"]


def test_metrics_stand_beside_each_other_with_their_difference(first, second):
    rows = {row[0]: row for row in compared(first, second).table("figure")}
    for label, name in (("ROC AUC", "roc_auc"), ("Brier score", "brier"), ("F1", "f1")):
        ours, theirs = first["metrics"][name]["value"], second["metrics"][name]["value"]
        assert float(rows[label][1]) == pytest.approx(ours, abs=5e-4)
        assert float(rows[label][3]) == pytest.approx(theirs, abs=5e-4)
        assert float(rows[label][5]) == pytest.approx(theirs - ours, abs=5e-4)
        better = "second" if (theirs > ours) != (name == "brier") else "first"
        assert rows[label][6].startswith(f"the {better}")


def test_whether_intervals_overlap_is_said(first):
    second = copy.deepcopy(first)
    second["metrics"]["f1"] = {"value": 0.9, "low": 0.89, "high": 0.91}
    second["metrics"]["log_loss"] = {"value": 0.501, "low": 0.48, "high": 0.52}
    rows = {row[0]: row[-1] for row in compared(first, second).table("figure")}
    assert rows["F1"] == "the second"
    assert rows["log loss"] == "the second, but intervals overlap"
    assert rows["ROC AUC"] == rows["F1 without a model"] == ""


def test_figures_of_different_rows_are_said_to_be_so(first):
    other = copy.deepcopy(first)
    assert "evaluated on the same rows" in compared(first, other).sentences
    other["card"]["data_sha256"] = "0" * 64  # what they were trained on does not matter
    assert "evaluated on the same rows" in compared(first, other).sentences
    other["card"]["evaluated_sha256"] = "0" * 64
    assert "The figures are of different rows" in compared(first, other).sentences


def test_differences_of_target_and_features_are_listed(first):
    other = copy.deepcopy(first)
    assert "Target and features are the same." in compared(first, other).sentences
    other["data"][1]["feature"] = "plan"
    other["data"][2]["kind"] = "integer"
    other["card"]["target"]["positive"] = ["left"]
    sentences = compared(first, other).sentences
    assert "They predict different things: the target is not the same." in sentences
    assert "feature_1 is a feature of the first only." in sentences
    assert "plan is a feature of the second only." in sentences
    assert "feature_2 is of kind number in the first and integer in the second." in sentences


def test_the_page_needs_nothing_else_and_is_small(first):
    wide = make_document(features=200, seed=2)
    content = render_comparison(wide, first)
    page = Page(content)
    assert page.loads == []
    assert len(content) < 300_000
    assert "And 174 more." in page.sentences  # of the 194 features that the second has not, 20 are named
    assert "the 30 most important features of either" in page.sentences.lower()
    assert content == render_comparison(wide, first)
    charts = [chart for chart in page.charts if chart.get("role") == "img"]
    assert len(charts) == 4
