"""The drift page as somebody from outside reads it."""

import re
from dataclasses import replace

import numpy as np
import pytest
from drift_samples import REGIONS, SCHEMA, TAG, make_report
from html_text import Page

from churn.drift.charts import histogram
from churn.drift.distribution import Categories, Numbers
from churn.drift.page import render_page
from churn.page.scales import round_ticks

HOSTILE = '<script>alert("x")</script>'


def quiet_report():
    return make_report(np.random.default_rng(21))


def drifted_report(new="SA"):
    rng = np.random.default_rng(21)
    region = np.where(rng.random(500) < 0.15, new, rng.choice(REGIONS, 500))
    sessions = np.clip(rng.normal(34.1, 24, 500), 1, 120)
    return make_report(rng, region=region, avg_session_minutes=sessions)


def banner(report):
    """The lines of the banner, without their marks."""
    text = render_page(report).decode()
    found = re.search(r'<div class="verdict.*?</div>', text, re.DOTALL)[0]
    return [" ".join(re.sub("<.*?>", "", line).split()) for line in re.findall(r"<(?:p|li)>.*?</(?:p|li)>", found)]


def drawn(training, live=None):
    return histogram(Numbers.of(training), Numbers.of(training if live is None else live), "label", "months")


def columns(found, kind="was"):
    """Left edge, right edge and height of each column of a histogram, in figures of its axes."""
    chart = found.chart
    points = [tuple(map(float, point.split(","))) for point in dict(chart.paths)[kind][1:].split("L")]
    xs = [chart.x.low + x / chart.width * (chart.x.high - chart.x.low) for x, _ in points[1:-1]]
    ys = [(1 - y / chart.height) * chart.y.high for _, y in points[1:-1]]
    return [(xs[at], xs[at + 1], ys[at]) for at in range(0, len(xs), 2)]


def test_the_banner_has_a_sentence_a_line():
    assert banner(quiet_report()) == [
        "None of 5 features drifted in the last 500 predictions.",
        "They look like the model's training data.",
        "Nothing to do.",
    ]
    lines = banner(drifted_report())
    assert lines[0] == "2 of 5 features drifted in the last 500 predictions."
    assert lines[1].startswith("region: 15% of rows in categories that training did not see (SA)")
    assert re.fullmatch(r"avg_session_minutes: .*, standard deviation 11\.9 → 2\d(\.\d)?", lines[2])
    assert lines[-2:] == [
        "Find out first whether the sender changed its units, codes or defaults.",
        "If the change is real, train on newer data (churn train --data FILE).",
    ]


def test_answers_that_drift_alone_are_said():
    report = quiet_report()
    moved = drifted_report().comparison.features[2]
    lines = banner(replace(report, comparison=replace(report.comparison, prediction=moved)))
    assert lines[0] == "None of 5 features drifted in the last 500 predictions."
    assert lines[1].startswith("The model's answers drifted: ")
    assert lines[2] == "Look for features that changed together."


def test_a_mean_that_moved_has_its_direction():
    shifted = np.random.default_rng(4).integers(100, 160, 500).astype(float)
    assert re.search(r"tenure_months: .*mean ↑ 30\.\d → 1\d\d, 5\.\d+ training", "\n".join(
        banner(make_report(np.random.default_rng(21), tenure_months=shifted))
    ))  # fmt: skip


def test_a_tiny_p_is_below_a_thousandth_and_none_has_an_exponent():
    report = drifted_report()
    page = Page(render_page(report))
    assert min(feature.p_adjusted for feature in report.comparison.features) < 1e-12
    table = page.table("change", "value", "limit", "p")  # of region
    assert table[0] == ["Jensen-Shannon distance drift", table[0][1], "0.1", "< 0.001"]
    assert "false-discovery rate 1%): p < 0.001" in page.sentences
    assert not re.search(r"\de[-+]\d|p = 0\b(?!\.)", page.text)


def test_nothing_is_said_of_the_rule_that_this_project_replaced():
    report = drifted_report()
    text = render_page(report).decode()
    assert "replace" not in Page(text.encode()).text.replace("A later run replaces it", "")
    assert "z-threshold" not in text
    assert len(report.as_json()["lab_rule"]) == 3


def test_terms_lead_to_the_glossary_and_explain_themselves_on_hover():
    text = render_page(drifted_report()).decode()
    page = Page(text.encode())
    assert set(page.links) <= set(page.places)
    assert len(page.places) == len(set(page.places))
    glossary = text.split("<h2>Terms</h2>")[1]
    for word in ("p", "population stability index", "Wasserstein distance", "Jensen-Shannon distance", "limit"):
        meaning = re.search(rf'<dt id="([\w-]+)">{word}</dt><dd>(.+?)</dd>', glossary)
        assert f'href="#{meaning[1]}" title="{meaning[2]}">{word}</a>' in text
    assert all(word in glossary for word in ("PSI", "p-value", "false-discovery rate", "standard deviation"))


def test_the_page_needs_nothing_else_and_is_small():
    content = render_page(drifted_report())
    assert Page(content).loads == []
    assert b"url(" not in content
    assert len(content) < 100_000


def test_each_feature_is_drawn_the_drifted_and_largest_first():
    page = Page(render_page(drifted_report()))
    titles = [text for level, text in page.headings if level == 3]
    assert titles[:2] == ["region", "avg_session_minutes"]
    assert sorted(titles) == sorted([*SCHEMA.feature_names, "prediction"])
    assert len(page.charts) == len(SCHEMA.number_names) + 1


def test_the_page_says_what_was_left_out_of_the_window():
    assert "Left out: 7 of other:v9, 3 broken lines." in Page(render_page(quiet_report())).sentences
    assert TAG in Page(render_page(quiet_report())).sentences


def test_what_clients_sent_is_shown_as_text():
    content = render_page(drifted_report(new=HOSTILE))
    assert b"<script" not in content
    assert HOSTILE in Page(content).text


def test_many_categories_are_drawn_together():
    rng = np.random.default_rng(21)
    report = make_report(rng, region=np.array([f"R{number}" for number in rng.integers(0, 400, 500)]))
    content = render_page(report)
    assert len(content) < 100_000
    assert re.search(r"\d+ more", Page(content).text)


def test_a_side_without_values_is_said():
    report = quiet_report()
    features = list(report.comparison.features)
    features[0] = replace(features[0], live=replace(Numbers.of([]), rows=500, missing=500))
    features[4] = replace(features[4], live=Categories(500, 500, {}))
    content = render_page(replace(report, comparison=replace(report.comparison, features=tuple(features))))
    assert Page(content).sentences.count("live: no values") == 2
    assert len(Page(content).charts) == 3


def test_axes_have_their_name_and_unit():
    report = replace(quiet_report(), descriptions={"tenure_months": "Months since joining."})
    text = Page(render_page(report)).sentences
    assert re.search(r"0% .*\d% .*share of customers per 4 Months since joining ", text)
    assert not re.search(r"Months since joining\.", text)


@pytest.mark.parametrize("values", [59, 61, 73, 97, 200, 365, 8000])
def test_the_last_bin_of_values_alike_is_as_high_as_the_others(values):
    found = columns(drawn(np.tile(np.arange(values), 3)))
    heights = [height for *_, height in found]
    assert 10 <= len(found) <= 40
    assert heights == pytest.approx([heights[0]] * len(heights), rel=0.02)
    assert found[-1][1] == pytest.approx(values - 0.5, rel=1e-3)


def test_the_bins_hold_what_lies_in_them():
    sample = np.round(np.random.default_rng(1).normal(35, 12, 5000), 2)
    found = columns(drawn(sample))
    for left, right, height in found[:-1]:
        assert height == pytest.approx(np.mean((sample >= left) & (sample < right)), abs=2e-3)
    assert sum(height for *_, height in found) == pytest.approx(1, abs=0.01)


def test_rows_that_are_far_out_are_neither_drawn_nor_heaped_into_the_last_bin():
    training = np.random.default_rng(1).normal(50, 10, 1200)
    found = drawn(training, [*training[:980], *[1e9] * 20])
    assert found.chart.x.high < 200
    assert columns(found, "now")[-1][2] < 0.005
    assert (found.training_beyond, found.live_beyond) == (0, pytest.approx(0.02))


def test_a_constant_and_a_boolean_have_bins_around_their_values():
    assert columns(drawn([3.0] * 5)) == [(2.5, 3.5, pytest.approx(1))]
    assert [label for _, label in drawn([0.0, 1.0, 1.0]).chart.x.ticks] == ["0", "1"]


def test_ticks_are_round_and_told_apart():
    assert [label for _, label in drawn([0, 0, 1, 2, 5]).chart.x.ticks] == ["0", "2", "4"]
    assert [label for _, label in round_ticks(0, 1e9)] == ["0", "200M", "400M", "600M", "800M", "1B"]
    assert [label for _, label in round_ticks(100.1, 100.9)] == ["100.2", "100.4", "100.6", "100.8"]
