"""Layout of text: what fits keeps to the width, and no word is ever broken."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from churn.text_layout import facts, hanging_table, side_by_side, wrapped

words = st.text("ab1.:_-客", min_size=1, max_size=50)
texts = st.lists(words, max_size=12).map(" ".join)
widths = st.integers(20, 100)


def check(lines, expected, width):
    """Every word is there in one piece, and a wider line is an indented word alone."""
    shown = [line for text in lines for line in text.split("\n")]
    assert sorted(word for line in shown for word in line.split()) == sorted(expected)
    assert all(cell_len(line) <= width or len(line.split()) == 1 for line in shown)


@given(texts, widths)
def test_wrapped_text_keeps_order_words_and_width(text, width):
    lines = wrapped(text, width)
    assert " ".join(lines) == text
    check(lines, text.split(), width)
    for line, after in pairwise(lines):
        assert cell_len(f"{line} {after.split(' ')[0]}") > width, "lines are filled"


@given(st.lists(st.tuples(words, texts), max_size=8), widths)
def test_facts_keep_keys_and_values_whole(rows, width):
    expected = [word for key, value in rows for word in (key, *value.split())]
    check(facts(rows, width), expected, width)


@given(st.lists(st.tuples(words, st.just("1"), st.just("22.5")), min_size=1, max_size=8), widths)
def test_a_first_cell_without_room_has_a_line_of_its_own(rows, width):
    lines = hanging_table(rows, width)
    check(lines, [word for row in rows for word in row], width)
    assert len(lines) == len(rows)
    assert len({cell_len(line) for text in lines for line in text.split("\n")[-1:]}) == 1, "the others are aligned"
    assert all("\n" not in text for text in hanging_table(rows, math.inf))


@given(st.lists(st.tuples(st.text("abc", min_size=1, max_size=12), texts, texts), min_size=1, max_size=6), widths)
def test_two_columns_stand_below_each_other_where_a_word_is_too_wide(rows, width):
    lines = side_by_side(rows, ("A", "B"), width)
    assert all(cell_len(line) <= width or len(line.split()) <= 2 for line in lines)
    joined = " ".join(lines).split()
    assert all(word in joined for row in rows for value in row for word in value.split())


def test_what_the_layouts_look_like():
    assert hanging_table([("  tag", "F1"), ("* a:v1", "0.71"), ("  a-long-one:v1", "0.7")], 12) == [
        "  tag  F1",
        "* a:v1 0.71",
        "  a-long-one:v1\n       0.7",
    ]
    assert facts([("rows", "1200"), ("why", "because of it all"), ("files.x", "0123456789abcdef")], 18) == [
        "rows     1200",
        "why      because",
        "         of it all",
        "files.x",
        "    0123456789abcdef",
    ]
    assert side_by_side(
        [("", "A", "B"), ("rows", "1,200", "90"), ("data", "the-customers.csv", "b")], ("A", "B"), 24
    ) == [
        "      A         B",
        "rows  1,200     90",
        "data",
        "  A the-customers.csv",
        "  B b",
    ]
