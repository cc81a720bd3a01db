"""Figures as text, where rounding changes their length or sign."""

import pytest

from churn.model_report.phrases import figure, signed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (999.9994, "999.999"),
        (999.9996, "1,000"),
        (-999.9996, "-1,000"),
        (12_345.6, "12,346"),
        (0.00001, "0"),
        (0.5, "0.500"),
    ],
)
def test_a_figure_has_its_form_after_rounding(value, text):
    assert figure(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00001, "0"), (-0.00001, "0"), (0.0, "0"), (0.0001, "+0.0001"), (-0.0001, "-0.0001"), (999.9996, "+1,000")],
)
def test_a_difference_has_a_sign_unless_it_is_none(value, text):
    assert signed(value) == text
