"""What decisions are worth: profit against a loop over customers, and what is recorded of an objective."""

import numpy as np
import pytest

from churn.decision import Campaign, Counts, Objective

CAMPAIGN = Campaign(contact_cost=10, customer_value=150, success_rate=0.2)


def test_the_profit_is_that_of_a_loop_over_customers():
    rng = np.random.default_rng(1)
    churner, contacted = rng.random(500) < 0.3, rng.random(500) < 0.4
    profit = of_all = 0.0
    for leaves, called in zip(churner, contacted, strict=True):
        profit += (0.2 * 150 * leaves - 10) * called
        of_all += 0.2 * 150 * leaves - 10
    counts = Counts(*(np.array([float(count)]) for count in (500, churner.sum(), contacted.sum(), 0)))
    counts = counts._replace(reached=np.array([float((churner & contacted).sum())]))
    assert CAMPAIGN.mean_profit(counts)[0] == pytest.approx(profit / 500)
    assert CAMPAIGN.mean_profit_of_all(counts)[0] == pytest.approx(of_all / 500)


def test_at_break_even_a_contact_is_worth_nothing():
    assert CAMPAIGN.break_even == pytest.approx(1 / 3)
    assert CAMPAIGN.profit(np.array([1.0]), np.array([3.0]))[0] == pytest.approx(0)


def test_an_objective_records_what_applies_to_it():
    assert Objective().as_dict() == {"objective": "f1"}
    assert Objective("top", share=0.1).as_dict() == {"objective": "top", "share": 0.1}
    assert Objective("cost", CAMPAIGN).as_dict() == {
        "objective": "cost",
        "contact_cost": 10,
        "customer_value": 150,
        "success_rate": 0.2,
    }
