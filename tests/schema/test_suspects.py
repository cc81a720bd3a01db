"""Leakage suspects and generous ranges, beside slow, obvious oracles."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from churn.data.inference.profile import Level, Profile
from churn.data.inference.ranges import generous_range, round_up
from churn.data.inference.suspects import auc_of_groups, column_auc, suspicion

rows = st.lists(st.tuples(st.one_of(st.none(), st.integers(-3, 40)), st.booleans()), max_size=60)


def slow_auc(pairs):
    """The share of pairs of one who left and one who stayed in which the former has the higher score."""
    wins = [(a > b) + (a == b) / 2 for a, left in pairs if left for b, other in pairs if not other]
    return sum(wins) / len(wins) if wins else 0.5


def profile(pairs, *, number=True):
    counts = {}
    for text, left in pairs:
        counts.setdefault(text, [0, 0])[not left] += 1
    levels = tuple(Level(None if t is None else str(t), sum(c), *c) for t, c in counts.items())
    known = sum(level.rows for level in levels if level.text is not None)
    numbers = known if number else 0
    return Profile(0, "x", "text", len(pairs), known, len(levels), numbers, None, None, True, 0, 9, (), 0, levels)


@given(rows)
def test_auc_of_numbers_is_that_of_all_pairs(pairs):
    column = profile(pairs)
    known = [(value, left) for value, left in pairs if value is not None]
    ordered = sorted(column.known, key=lambda level: level.number)
    assert auc_of_groups(ordered) == pytest.approx(slow_auc(known))
    if len(column.known) > 20 and column.is_number:
        assert column_auc(column) == pytest.approx(max(slow_auc(known), 1 - slow_auc(known)))


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.booleans()), max_size=60))
def test_auc_of_levels_is_that_of_their_shares(pairs):
    column = profile(pairs, number=False)
    least = min(20, max(2, len(pairs) // 20))
    rare = {text for text in "abc" if sum(text == other for other, _ in pairs) < least}
    groups = [("rare" if text in rare else text, left) for text, left in pairs]
    shares = {
        group: sum(left for other, left in groups if other == group) / sum(other == group for other, _ in groups)
        for group, _ in groups
    }
    assert column_auc(column) == pytest.approx(slow_auc([(shares[group], left) for group, left in groups]))


def test_few_customers_are_no_suspicion():
    assert suspicion(profile([(number, number > 90) for number in range(100)])) is None  # 9 who left
    assert suspicion(profile([(number, number > 80) for number in range(100)])) == "it says the same as the target"


def test_keys_and_chance_are_no_suspicion():
    assert suspicion(profile([(f"k{number}", number % 3 == 0) for number in range(300)], number=False)) is None
    filled = [("x" if number < 9 else None, number < 90) for number in range(200)]
    assert suspicion(profile(filled, number=False)) is None  # nine of those who left: by chance, once in a thousand
    filled = [("x" if number < 60 else None, number < 90) for number in range(200)]
    assert suspicion(profile(filled, number=False)) == "it is filled only where the customer left"


@given(st.floats(1e-300, 6e14))
def test_rounded_up_is_a_one_a_two_or_a_five(value):
    rounded = round_up(value)
    assert value <= rounded <= 2.5000001 * value
    assert f"{rounded:e}"[:8] in ("1.000000", "2.000000", "5.000000")


@example(-5e-324, 2)
@given(st.floats(-6e14, 6e14), st.floats(-6e14, 6e14))
def test_ranges_are_generous(one, other):
    low, high = sorted((one, other))
    least, most = generous_range(low, high)
    assert least <= low <= high <= most
    assert least == 0 or (low < 0 and least <= 1.4999 * low)
    assert (least, most) == (0, 1) or high <= 0 or most >= 1.4999 * high or math.isclose(most, 1e15)
