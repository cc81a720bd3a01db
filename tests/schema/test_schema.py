import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.errors import RecordError
from churn.schema import record as schema
from churn.schema.old_record import Customer, parse_customer

VALID = {
    "tenure_months": 48,
    "num_complaints": 0,
    "avg_session_minutes": 60,
    "plan_type": "premium",
    "region": "EU",
}


def parse(**changes):
    return parse_customer(json.dumps(VALID | changes).encode())


def problems(**changes):
    with pytest.raises(RecordError) as caught:
        parse(**changes)
    return caught.value.problems


def test_the_features_of_a_customer_are_in_column_order_whatever_the_order_of_the_body():
    mixed = parse_customer(json.dumps(dict(reversed((VALID | {"request_id": "r"}).items()))).encode())
    assert tuple(mixed.features()) == schema.FEATURE_NAMES
    assert mixed.features() == {"tenure_months": 48, "num_complaints": 0, "avg_session_minutes": 60.0} | {
        "plan_type": "premium",
        "region": "EU",
    }
    assert mixed.request_id == "r"


def test_features_derive_from_the_record_in_column_order():
    assert schema.FEATURE_NAMES == (
        "tenure_months",
        "num_complaints",
        "avg_session_minutes",
        "plan_type",
        "region",
    )
    assert [(f.minimum, f.maximum, f.integer) for f in schema.NUMERIC_FEATURES] == [
        (0, 200, True),
        (0, 50, True),
        (0, 500, False),
    ]
    assert [(f.case, f.max_length) for f in schema.CATEGORICAL_FEATURES] == [("lower", 32), ("upper", 32)]
    assert tuple(schema.Features.__annotations__) == schema.FEATURE_NAMES


def test_text_is_trimmed_and_its_case_made_uniform():
    customer = parse(plan_type="  Premium\t", region=" eu ")
    assert (customer.plan_type, customer.region) == ("premium", "EU")


@pytest.mark.parametrize("name", ["tenure_months", "num_complaints", "avg_session_minutes"])
@pytest.mark.parametrize("value", ["5", True, None, [1], {}, -1, 501, 10**30])
def test_a_number_is_a_json_number_in_range(name, value):
    found = problems(**{name: value})
    assert [problem["loc"] for problem in found] == [[name]]


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_nan_and_infinities_are_refused(literal):
    body = json.dumps(VALID | {"avg_session_minutes": 1}).replace('minutes": 1', f'minutes": {literal}')
    with pytest.raises(RecordError) as caught:
        parse_customer(body.encode())
    assert "avg_session_minutes" in str(caught.value.problems)


def test_the_ends_of_the_ranges_are_in():
    parse(tenure_months=0, num_complaints=0, avg_session_minutes=0)
    parse(tenure_months=200, num_complaints=50, avg_session_minutes=500.0)


@pytest.mark.parametrize("value", ["", "   ", "x" * 33, "a\nb", "a\x00b", "a\u2028b", 5, None])
def test_text_is_1_to_32_printable_characters(value):
    assert problems(plan_type=value)[0]["loc"] == ["plan_type"]


@pytest.mark.parametrize("value", ["", "x" * 129, "a\r\nX-Evil: 1", 5])
def test_a_request_id_is_1_to_128_printable_characters(value):
    assert problems(request_id=value)[0]["loc"] == ["request_id"]


def test_an_unknown_field_is_refused_by_name():
    assert problems(tenure=5) == [
        {"loc": ["tenure"], "msg": "Extra inputs are not permitted", "type": "extra_forbidden"}
    ]


def test_every_problem_is_listed_and_no_input_is_repeated():
    found = problems(tenure_months="secret-value", region=7)
    assert [problem["loc"] for problem in found] == [["tenure_months"], ["region"]]
    assert "secret-value" not in str(found)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_record_or_a_record_error(body):
    try:
        outcome = parse_customer(body)
    except RecordError as error:
        outcome = error.problems
    assert outcome
    assert isinstance(outcome, (Customer, list))


@given(st.text(min_size=1, max_size=32))
def test_training_and_requests_normalise_a_category_alike(text):
    plan, region = schema.CATEGORICAL_FEATURES
    try:
        customer = parse(plan_type=text, region=text)
    except RecordError:
        return
    assert plan.normalise(text) == customer.plan_type
    assert region.normalise(text) == customer.region
