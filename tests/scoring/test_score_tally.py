"""Counts, tenths, ranks and the order of results, against slow and obvious oracles."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.decision import Campaign
from churn.scoring.files.pipeline import AHEAD, in_order
from churn.scoring.files.ranks import Ranks
from churn.scoring.files.tally import BINS, Tally

probabilities = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=200)


@settings(max_examples=100, deadline=None)
@given(probabilities, st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_tenths_are_those_of_sorted_rows_to_within_a_bin(values, threshold):
    tally = Tally(threshold)
    for part in np.array_split(np.array(values), 3):
        tally.add(part, rejected=1)
    descending, count = sorted(values, reverse=True), len(values)
    assert (tally.scored, tally.rejected, tally.read) == (count, 3, count + 3)
    assert tally.decisions == sum(value >= threshold for value in values)
    assert tally.mean == pytest.approx(np.mean(values), abs=1e-9)
    tenth_of = {number: [] for number in range(1, 11)}
    for rank, value in enumerate(descending, 1):
        tenth_of[-(-rank * 10 // count)].append(value)
    found = {each.number: each for each in tally.tenths()}
    assert sorted(found) == [number for number, rows in tenth_of.items() if rows]
    for number, each in found.items():
        assert each.rows == len(tenth_of[number])
        assert each.mean == pytest.approx(np.mean(tenth_of[number]), abs=1 / BINS)
        assert each.lowest == pytest.approx(min(tenth_of[number]), abs=1 / BINS)


def test_counts_do_not_depend_on_the_batches():
    values = np.random.default_rng(3).random(10_000).astype(np.float32).astype(np.float64)
    one, many = Tally(0.4), Tally(0.4)
    one.add(values)
    for part in np.array_split(values[::-1], 37):
        many.add(part)
    campaign = Campaign(contact_cost=1.0, customer_value=50.0, success_rate=0.2)
    assert one.document(campaign) == many.document(campaign)
    contacted = values[values >= 0.4]
    assert one.expected_profit(campaign) == pytest.approx((contacted * 10 - 1).sum(), abs=1e-3)


@settings(max_examples=100, deadline=None)
@given(probabilities)
def test_ranks_are_exact_and_equal_probabilities_share_the_best(values):
    ranks = Ranks()
    for part in np.array_split(np.array(values), 2):
        ranks.add(part)
    ranks.sort()
    rank, tenth = (column.to_pylist() for column in ranks.columns(np.array(values)))
    assert rank == [1 + sum(other > value for other in values) for value in values]
    assert tenth == [-(-each * 10 // len(values)) for each in rank]


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_order_and_items_are_not_taken_far_ahead(threads):
    taken = []
    release = threading.Event()

    def items():
        for number in range(50):
            taken.append(number)
            yield number

    def slow_first(number):
        if number == 0 and threads > 1:
            release.wait(10)
        return number * 2

    found = in_order(slow_first, items(), threads)
    threading.Timer(0.1, release.set).start()
    for number, (item, result) in enumerate(found):
        assert (item, result) == (number, 2 * number)
        assert len(taken) <= number + threads + AHEAD + 1
    assert len(taken) == 50


def test_an_error_of_an_item_ends_the_run():
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda number: 1 // number, [1, 1, 0, 1], 2))
