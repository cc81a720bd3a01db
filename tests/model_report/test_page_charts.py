import re

import numpy as np
import pytest
from report_samples import make_document

from churn.model_report import charts, rows
from churn.page.scales import numbers, ratios, round_numbers, shares


@pytest.fixture(scope="module")
def document():
    return make_document(objective="cost")


def points(chart, kind):
    """The figures of a chart's path, read back from its pixels."""
    data = next(data for name, data in chart.paths if name == kind)
    pixels = np.array([[float(part) for part in pair] for pair in re.findall(r"(-?[\d.]+),(-?[\d.]+)", data)])
    x = chart.x.low + pixels[:, 0] / chart.width * (chart.x.high - chart.x.low)
    y = chart.y.low + (1 - pixels[:, 1] / chart.height) * (chart.y.high - chart.y.low)
    return x, y


def assert_drawn(chart, kind, x, y):
    found = points(chart, kind)
    assert found[0] == pytest.approx(np.asarray(x), abs=2e-4 * (chart.x.high - chart.x.low))
    assert found[1] == pytest.approx(np.asarray(y), abs=3e-4 * (chart.y.high - chart.y.low))


def test_curves_are_drawn_where_their_figures_are(document):
    roc, pr = document["roc"], document["precision_recall"]
    assert_drawn(charts.roc(document), "stroke a", roc["false_positive_rate"], roc["true_positive_rate"])
    assert_drawn(charts.precision_recall(document), "stroke a", pr["recall"], pr["precision"])
    captured = [tenth["captured"] for tenth in document["tenths"]]
    assert_drawn(charts.gains(document), "stroke a", np.arange(11) / 10, [0, *captured])
    profit = document["profit"]
    assert_drawn(charts.profit(document), "stroke a", profit["contacted"], profit["profit"])
    flagged = [row for row in document["thresholds"] if row["contacted"]]
    for kind, name in (("stroke a", "precision"), ("stroke b", "recall"), ("stroke c", "f1")):
        at = [row["threshold"] for row in flagged]
        assert_drawn(charts.trade_off(document), kind, at, [row[name] for row in flagged])


def test_bins_and_their_intervals_are_drawn_where_they_are(document):
    bins, chart = document["calibration"], charts.calibration(document)
    promised = [part["mean_probability"] for part in bins]
    assert_drawn(chart, "dots a", promised, [part["churn_rate"] for part in bins])
    x, y = points(chart, "whisker a")  # each also has the relative steps of its ends
    for part in bins:
        near = np.abs(x - part["mean_probability"]) < 2e-3
        assert np.abs(y[near] - part["low"]).min() < 2e-3
        assert np.abs(y[near] - part["high"]).min() < 2e-3


def test_the_histogram_is_of_shares_of_each_group(document):
    found = document["histogram"]
    for kind, name in (("was", "stayers"), ("now", "churners")):
        heights = np.array(found[name]) / sum(found[name])
        edges = np.repeat(found["edges"], 2)
        assert_drawn(charts.histogram(document), kind, edges, [0, *np.repeat(heights, 2), 0])


def test_a_curve_of_each_document_is_drawn_with_its_threshold(document):
    other = make_document(seed=5)
    chart = charts.roc(document, other)
    assert [kind for kind, _ in chart.paths] == ["guide", "stroke a", "dots a", "stroke b", "dots b"]
    served = next(row for row in other["thresholds"] if row["threshold"] == other["card"]["threshold"])
    stayers = served["false_positives"] + served["true_negatives"]
    assert_drawn(chart, "dots b", [served["false_positives"] / stayers], [served["recall"]])


def test_nothing_is_drawn_outside_the_plot(document):
    drawn = (charts.roc, charts.calibration, charts.tenths, charts.histogram, charts.trade_off, charts.profit)
    for of in (document, make_document(rows=60, seed=2, objective="cost")):
        for chart in (draw(of) for draw in drawn):
            for _, data in chart.paths:
                for x, y in re.findall(r"[ML](-?[\d.]+),(-?[\d.]+)", data):
                    assert 0 <= float(x) <= chart.width
                    assert 0 <= float(y) <= chart.height
            assert all(0 <= note.x <= chart.width for note in chart.notes)


def test_the_importance_of_two_models_is_by_the_larger_figure():
    first, second = make_document(features=2), make_document(features=2)
    first["drivers"]["permutation_importance"] = [
        {"feature": "x", "log_loss": 0.1},
        {"feature": "y", "log_loss": -0.01},
    ]
    second["drivers"]["permutation_importance"] = [{"feature": "y", "log_loss": 0.2}]
    found = rows.importance(first, second)
    assert [(row.name, row.figures) for row in found.rows] == [("y", ("-0.0100", "0.2000")), ("x", ("0.1000", "none"))]
    assert [mark.at for mark in found.rows[0].marks] == [0, 100]


@pytest.mark.parametrize("highest", [0.0001, 0.013, 0.12, 0.3, 0.34, 0.5, 0.999, 1.0])
def test_scales_of_shares_reach_the_highest_with_few_ticks_that_tell(highest):
    scale = shares("", highest)
    assert highest <= scale.high <= 1
    labels = [label for _, label in scale.ticks]
    assert len(labels) <= 7
    assert len(set(labels)) == len(labels) or highest < 0.001
    assert scale.place(scale.high) == 1


def test_other_scales_have_their_ends_and_round_ticks():
    assert [label for _, label in numbers("", 1, 72).ticks] == ["1", "20", "40", "72"]
    assert [label for _, label in numbers("", 0, 1).ticks] == ["0", "0.5", "1"]
    assert numbers("", 5, 5).place(5) == 0.5
    assert [label for _, label in round_numbers("", -0.4, 3.7).ticks] == ["-1", "0", "1", "2", "3", "4"]
    assert round_numbers("", 0, 0).place(0) == 0
    scale = ratios("", 0.3, 3.5)
    assert [label for _, label in scale.ticks] == ["1/4", "1/2", "1", "2", "4"]
    assert [scale.place(at) for at in (0.25, 0.5, 1, 2, 4, 1e9, 0)] == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1, 0])
