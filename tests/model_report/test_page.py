import copy
import json
import re
from itertools import pairwise

import pytest
from html_text import Page
from report_samples import LONG, make_document

from churn.model_report.page import render_page

HOSTILE = '<script>alert("x")</script>'
SECTIONS = [
    "What it is for",
    "Key figures",
    "Does it tell leavers from stayers?",
    "Whom to contact first",
    "Decisions",
    "Drivers",
    "Segments",
    "Data",
    "Beside the champion",
    "What not to use it for",
    "Terms",
]


@pytest.fixture(scope="module")
def document():
    return make_document()


@pytest.fixture(scope="module")
def page(document):
    return Page(render_page(document))


def test_sections_stand_in_order_under_headings_without_gaps(page):
    assert [text for level, text in page.headings if level == 2] == SECTIONS
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_page_needs_nothing_else(document, page):
    text = render_page(document).decode()
    assert page.loads == []
    assert not re.search(r"url\(|@import|https?:|\bon\w+=", text)
    for needed in ('<html lang="en">', "prefers-color-scheme: dark", "@media print", 'name="viewport"'):
        assert needed in text


def test_the_same_document_gives_the_same_page(document):
    assert render_page(document) == render_page(copy.deepcopy(document))


@pytest.mark.parametrize("estimator", ["logistic", "hist-gradient-boosting"])
def test_200_features_fit_into_300_kilobytes_by_the_30_most_important(estimator):
    wide = make_document(features=200, estimator=estimator, objective="cost")
    content = render_page(wide)
    page = Page(content)
    assert len(content) < 300_000
    assert len(page.table("feature", "increase of log loss")) == 30
    assert "The 30 most important features; 170 others are left out" in page.sentences
    assert len(page.table("feature", "kind")) == 200
    effects = [text for level, text in page.headings if level == 4]
    assert len(effects) == 30


def test_charts_are_named_and_tables_have_heads(page):
    charts = [chart for chart in page.charts if chart.get("aria-hidden") != "true"]
    assert len(charts) == 7 + 3
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in charts)
    assert set(page.scopes) == {"row", "col"}


def test_the_metrics_are_those_of_the_document(document, page):
    rows = page.table("figure", "value", "95 % interval")
    found = [(float(value), *map(float, interval.split(" to "))) for _, value, interval in rows]
    wanted = [document["metrics"][name] for name in METRIC_ORDER]
    for (value, low, high), metric in zip(found, wanted, strict=True):
        assert (value, low, high) == pytest.approx((metric["value"], metric["low"], metric["high"]), abs=5e-4)


METRIC_ORDER = [
    "roc_auc",
    "average_precision",
    "lift_top_tenth",
    "precision",
    "recall",
    "f1",
    "accuracy",
    "log_loss",
    "brier",
    "calibration_error",
    "baseline_f1",
    "baseline_log_loss",
]


def test_the_counts_of_decisions_are_those_of_the_document(document, page):
    confusion = document["confusion"]
    found, missed, in_vain, left_alone = (
        f"{confusion[name]:,}" for name in ("true_positives", "false_negatives", "false_positives", "true_negatives")
    )
    assert page.table("", "flagged", "not flagged") == [
        ["left", f"{found}found", f"{missed}missed"],
        ["stayed", f"{in_vain}flagged in vain", f"{left_alone}rightly left alone"],
    ]
    rows = page.table("threshold", "flagged")
    assert [float(row[0]) for row in rows] == [row["threshold"] for row in document["thresholds"]]
    counted = ("contacted", "true_positives", "false_positives", "false_negatives", "true_negatives")
    for row, wanted in zip(rows, document["thresholds"], strict=True):
        assert [int(cell.replace(",", "")) for cell in row[1:6]] == [wanted[name] for name in counted]
    tenths = page.table("tenth", "customers")
    assert [int(row[2]) for row in tenths] == [tenth["churners"] for tenth in document["tenths"]]


def test_drivers_are_those_of_the_document(document, page):
    rows = page.table("feature", "increase of log loss")
    wanted = document["drivers"]["permutation_importance"]
    assert [float(row[-1].split(" ± ")[0]) for row in rows] == pytest.approx(
        [driver["log_loss"] for driver in wanted], abs=5e-5
    )
    assert [row[0] for row in rows][1:] == [driver["feature"] for driver in wanted][1:]
    ratios = page.table("feature", "1/161/41416")
    assert sorted(float(row[-2]) for row in ratios) == sorted(
        item["ratio"] for item in document["drivers"]["odds_ratios"]
    )
    assert "Odds ratios" not in Page(render_page(make_document(estimator="hist-gradient-boosting"))).text


def test_without_a_person_flagged_there_is_no_precision(document):
    changed = copy.deepcopy(document)
    changed["thresholds"][-1] |= {"contacted": 0, "true_positives": 0, "false_positives": 0, "precision": 0.0}
    assert Page(render_page(changed)).table("threshold", "flagged")[-1][6] == "none"


def test_the_verdict_says_each_rule_with_its_figure_and_limit(document, page):
    assert "Passed: the gate's 8 rules are kept; the model may serve." in page.sentences
    assert "its lower 99 % bound is 0.801, and must be above 0.500." in page.sentences
    refused = Page(render_page(make_document(passed=False))).sentences
    assert "Refused: 1 of the gate's 8 rules broken" in refused
    assert "refused Reason of f1: it is 0.620, and must reach 0.600." in refused
    changed = copy.deepcopy(document)
    changed["gate"]["checks"][0]["rule"] = "of another release"
    assert "Reason of f1: figure 0.620, limit 0.600." in Page(render_page(changed)).sentences


@pytest.mark.parametrize(
    ("objective", "sentence"),
    [
        ("f1", "This threshold is chosen out of fold for the best F1; what a contact costs"),
        ("cost", "4.123 a customer (3.200 to 5.100), where a contact costs 5, a customer who is kept is worth 120"),
        ("top", "This threshold flags the 10% of customers with the highest probabilities."),
    ],
)  # fmt: skip
def test_the_choice_of_the_threshold_is_said(objective, sentence):
    page = Page(render_page(make_document(objective=objective)))
    assert sentence in page.sentences
    assert ("Profit" in [text for _, text in page.headings]) == (objective == "cost")
    assert ("profit per customer" in page.sentences) == (objective == "cost")


def test_the_champion_stands_beside_or_it_is_said_why_not(document, page):
    assert "churn_model_v1:v2 was in service. Both were evaluated on 1,800 rows" in page.sentences
    assert page.table("figure", "champion")[0] == ["log loss", "0.451", "0.447", "-0.0041", "-0.0091", "+0.0008"]
    alone = copy.deepcopy(document)
    nothing = {"rows": 0, "left_out": 0, "log_loss": None, "roc_auc": None, "segments": []}
    alone["gate"]["champion"] = {"tag": None, "problem": None, **nothing}
    assert "no model was in service when this one was trained" in Page(render_page(alone)).sentences
    alone["gate"]["champion"] = {"tag": "other:v1", "problem": "its plan is of another kind", **nothing}
    assert "Not compared with the model in service: its plan is of another kind." in Page(render_page(alone)).sentences


def test_names_from_the_data_are_text_and_long_ones_are_cut(document):
    changed = json.loads(json.dumps(document).replace("feature_1", json.dumps(HOSTILE)[1:-1]))
    changed["card"]["data_file"] = changed["card"]["target"]["column"] = HOSTILE
    changed["segments"][0]["level"] = HOSTILE
    text = render_page(changed).decode()
    assert "<script" not in text
    assert HOSTILE in Page(text.encode()).text
    assert LONG not in Page(text.encode()).text
    assert f"{LONG[:40]}..." in Page(text.encode()).text


def test_few_rows_one_feature_and_columns_without_a_value_make_a_page_too():
    small = make_document(rows=60, features=1)
    small["segments"] = []
    small["drivers"]["partial_effects"][0] |= {"values": [], "probability": []}
    small["drivers"]["odds_ratios"] = None
    small["data"][0] |= {"minimum": None, "maximum": None, "mean": None}
    page = Page(render_page(small))
    assert "No level of a category has 100 customers." in page.sentences
    assert page.table("feature", "kind")[0][-1] == "none"


def test_odds_beyond_all_bounds_stay_in_the_chart(document):
    changed = copy.deepcopy(document)
    changed["drivers"]["odds_ratios"][0] |= {"ratio": 1e200, "low": 1e-200, "high": 1e300}
    rows = Page(render_page(changed)).table("feature", "1/10,0001/100110010,000")
    assert rows[0][-2:] == ["> 1,000", "< 0.001 to > 1,000"]
    places = [
        float(place) for place in re.findall(r'class="whisker a" d="M([\d.]+),10H', render_page(changed).decode())
    ]
    assert all(0 <= place <= 100 for place in places)


def test_where_no_important_feature_has_an_odds_ratio_the_chart_is_left_out(document):
    changed = copy.deepcopy(document)
    for ratio in changed["drivers"]["odds_ratios"]:
        ratio["feature"] = "of no importance"
    assert "Odds ratios" not in [text for _, text in Page(render_page(changed)).headings]


def test_how_many_smaller_segments_are_left_out_is_said(document):
    found = document | {"segments_found": len(document["segments"]) + 1_234}
    assert "with the worst log loss first; 1,234 smaller ones are left out." in Page(render_page(found)).sentences
    assert "smaller ones" not in Page(render_page(document)).sentences


def test_1000_features_fit_into_300_kilobytes():
    content = render_page(make_document(features=1_000, objective="cost"))
    page = Page(content)
    assert len(content) < 300_000
    assert len(page.table("feature", "kind")) == 200
    assert "800 others are in report.json." in page.sentences


def test_250_categories_with_long_levels_fit_into_300_kilobytes():
    """Even where all features that are shown are such categories."""
    wide = make_document(features=500, objective="cost")
    levels = [f"{at:02d}".ljust(33, "x") for at in range(12)]
    drivers = wide["drivers"]
    for effect in drivers["partial_effects"]:
        if effect["kind"] == "category":
            effect |= {"values": levels, "probability": [0.01 * at for at in range(12)]}
    for column in wide["data"]:
        if column["kind"] == "category":
            column |= {"levels": 12, "top": [[level, 0.05] for level in levels[:5]]}
    categories = {column["feature"] for column in wide["data"] if column["kind"] == "category"}
    drivers["permutation_importance"].sort(key=lambda row: row["feature"] not in categories)
    wide["data"].sort(key=lambda column: column["feature"] not in categories)
    content = render_page(wide)
    assert len(content) < 300_000
    assert "The most frequent levels; 6 others are left out." in Page(content).sentences
