"""What a training prints: at 80 columns no number and no tag is broken, and sentences are wrapped at spaces."""

import io
import re
import sys

import numpy as np
import pandas as pd
import pytest
from rich.cells import cell_len

from churn.decision import F1, Campaign, Objective
from churn.evaluation import Predictions, evaluate
from churn.training.gate import gate_candidate
from churn.training.paired_bootstrap import ChampionComparison, Difference, Segment
from churn.training.report import Chosen, Outcome, print_report

LONG = "telco_customers_of_the_northern_region:release-2026-11-28-candidate-7"
LONGER = f"{'churn_of_business_customers_' * 3}:2026-11-28.candidate-of-the-week"
CHAMPION = "telco_customers_of_the_northern_region:release-2026-10-31-final"
COST = Objective("cost", Campaign(contact_cost=12_345.67, customer_value=9_876_543.21, success_rate=0.0325))


@pytest.fixture(scope="module")
def evaluation():
    rng = np.random.default_rng(1)
    probability = 1 / (1 + np.exp(-rng.normal(0.1, 0.8, 1200)))
    target = (rng.random(1200) < probability).astype(np.int8)
    return evaluate(Predictions("a test", pd.DataFrame(), target, probability, (probability >= 0.4).astype(np.int8)), 1)


COMPARISON = ChampionComparison(
    CHAMPION,
    rows=1_234_567,
    left_out=7_654_321,
    log_loss=Difference(0.61234, 0.62345, -0.00123, 0.02345),
    roc_auc=Difference(0.71234, 0.70123, -0.01234, 0.00234),
    segments=(
        Segment("payment_method_of_the_household", "Bank transfer (automatic, monthly)", 234_567, -0.01, -0.02, 0.03),
        Segment("region", "a" * 60, 34_567, 0.0123, 0.0021, 0.0345),
    ),
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def printed(monkeypatch, stream, *arguments):
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    print_report(*arguments)
    return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())


def shown(evaluation, verdict):
    """Every number that is to be found in the output."""
    yield from (f"{figure:.4f}" for metric in evaluation.metrics.values() for figure in metric)
    for check in verdict.checks:
        yield from (f"{check.figure:.4f}" if abs(check.figure) < 1000 else f"{check.figure:,.0f}", f"{check.limit:.4f}")
    for found in (COMPARISON.log_loss, COMPARISON.roc_auc):
        yield from (f"{found.champion:.4f}", f"{found.candidate:.4f}", f"{found.low:+.4f}", f"{found.high:+.4f}")
    for segment in COMPARISON.segments:
        yield from (f"{segment.rows:,}", f"{segment.difference:+.4f}", f"{segment.low:+.4f}", f"{segment.high:+.4f}")
    yield from (f"{COMPARISON.rows:,}", f"{COMPARISON.left_out:,}")


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
@pytest.mark.parametrize("tag", [LONG, LONGER])
@pytest.mark.parametrize("objective", [F1, COST, Objective("top", share=0.1)])
def test_at_80_columns_no_tag_and_no_number_is_broken(monkeypatch, evaluation, stream, tag, objective):
    verdict = gate_candidate(evaluation, 0.99, COMPARISON, objective=objective)
    chosen = Chosen(objective, 0.4321, 0.99)
    lines = printed(monkeypatch, stream(), evaluation, verdict, chosen, Outcome(tag, promoted=False)).splitlines()
    for line in lines:
        assert cell_len(line) <= 80 or line.split() in ([tag], [f"{tag},"]), line
    assert "…" not in "".join(lines)  # nothing is cut
    words = [word for line in lines for word in re.split(r"[\s│]+", line)]
    assert {tag, f"{tag},"} & set(words)
    assert f"{CHAMPION}," in words
    stripped = {word.strip("(),.;:") for word in words}
    assert not set(shown(evaluation, verdict)) - stripped
    assert {check.rule for check in verdict.checks} <= stripped
    if objective is COST:
        assert {"12,345.67", "9,876,543.21", "0.0325"} <= stripped


def test_the_sentences_are_whole(monkeypatch, evaluation):
    verdict = gate_candidate(evaluation, 0.6, COMPARISON, objective=COST)
    text = printed(
        monkeypatch, io.StringIO(), evaluation, verdict, Chosen(COST, 0.4321, 0.6), Outcome("m:v2", promoted=True)
    )
    said = " ".join(text.split())
    assert (
        "The threshold 0.4321 is chosen out of fold for the greatest expected profit: a contact costs 12,345.67" in said
    )
    assert "so it pays from a churn rate of 0.0385 on." in said
    profit = evaluation.expected_profit(COST.campaign)
    low, high = (f"{figure * 1000:,.2f}" for figure in (profit.low, profit.high))
    assert f"Expected profit per 1,000 customers: {profit.value * 1000:,.2f} (95 % from {low} to {high});" in said
    assert (
        "7,654,321 evaluated rows are left out of this comparison, because the champion was, or may have been, fitted "
        "on them."
    ) in said
    assert "The F1 of 0.6 that the schema asks for is not asked of this threshold, which is not chosen for F1." in said


def test_the_default_names_the_alternative(monkeypatch, evaluation):
    verdict = gate_candidate(evaluation, None)
    text = printed(
        monkeypatch, io.StringIO(), evaluation, verdict, Chosen(F1, 0.4, None), Outcome("m:v2", promoted=True)
    )
    said = " ".join(text.split())
    assert "The threshold 0.4000 is chosen out of fold for the best F1, and contacts 7" in said
    assert "--threshold cost chooses the one with the greatest expected profit" in said
    assert "is not asked of this threshold" not in said
