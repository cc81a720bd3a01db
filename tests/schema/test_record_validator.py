"""Records of customers: those of the bundled schema, and of schemas with optional, boolean and retired fields."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from churn.errors import RecordError
from churn.schema.definition import Schema
from churn.schema.reading import bundled_schema
from churn.schema.record import Customer, RecordValidator

VALIDATOR = RecordValidator(bundled_schema())
VALID = {
    "tenure_months": 48,
    "num_complaints": 0,
    "avg_session_minutes": 60,
    "plan_type": "premium",
    "region": "EU",
}
OPTIONAL = RecordValidator(
    Schema.model_validate(
        {
            "version": 1,
            "name": "optional",
            "target": {"column": "left"},
            "retired": ["fax"],
            "feature": [
                {"name": "age", "kind": "integer", "minimum": 0.5, "maximum": 99.5, "missing": "impute"},
                {"name": "plan", "kind": "category", "missing": "impute"},
                {"name": "member", "kind": "boolean"},
            ],
        }
    )
)


def parse(**changes):
    return VALIDATOR.parse(json.dumps(VALID | changes).encode())


def problems(**changes):
    with pytest.raises(RecordError) as caught:
        parse(**changes)
    return caught.value.problems


def optional(**record):
    return OPTIONAL.parse(json.dumps(record).encode())


def test_the_features_of_a_customer_are_in_the_order_of_the_schema_whatever_that_of_the_body():
    mixed = VALIDATOR.parse(json.dumps(dict(reversed((VALID | {"request_id": "r"}).items()))).encode())
    assert mixed == Customer(VALID | {"avg_session_minutes": 60.0}, "r")
    assert tuple(mixed.features) == bundled_schema().feature_names


def test_text_is_trimmed_and_its_case_made_uniform():
    customer = parse(plan_type="  Premium\t", region=" eu ")
    assert (customer.features["plan_type"], customer.features["region"]) == ("premium", "EU")


@pytest.mark.parametrize("name", ["tenure_months", "num_complaints", "avg_session_minutes"])
@pytest.mark.parametrize("value", ["5", True, None, [1], {}, -1, 501, 10**30])
def test_a_number_is_a_json_number_in_range(name, value):
    found = problems(**{name: value})
    assert [problem["loc"] for problem in found] == [[name]]


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_nan_and_infinities_are_refused(literal):
    body = json.dumps(VALID | {"avg_session_minutes": 1}).replace('minutes": 1', f'minutes": {literal}')
    with pytest.raises(RecordError) as caught:
        VALIDATOR.parse(body.encode())
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
        outcome = VALIDATOR.parse(body)
    except RecordError as error:
        outcome = error.problems
    assert outcome
    assert isinstance(outcome, (Customer, list))


@given(st.text(min_size=1, max_size=32))
def test_training_and_requests_normalise_a_category_alike(text):
    try:
        customer = parse(plan_type=text, region=text)
    except RecordError:
        return
    for feature in bundled_schema().categories:
        assert feature.category.uniform(text) == customer.features[feature.name]


def test_an_optional_field_may_be_absent_or_null_and_is_none_in_its_place():
    assert optional(member=True) == optional(member=True, plan=None, age=None)
    assert list(optional(plan="a", member=False).features.items()) == [("age", None), ("plan", "a"), ("member", False)]
    for record in ({}, {"member": None}):
        with pytest.raises(RecordError) as caught:
            optional(**record)
        assert caught.value.problems[0]["loc"] == ["member"]


@pytest.mark.parametrize("value", [1, 0, "true", 1.0])
def test_a_boolean_is_true_or_false(value):
    with pytest.raises(RecordError):
        optional(member=value)


@pytest.mark.parametrize("age", ["48", "48.0", "4.8e1"])
def test_a_whole_number_may_be_written_with_a_point(age):
    customer = OPTIONAL.parse(b'{"member":true,"age":%s}' % age.encode())
    assert repr(customer.features["age"]) == "48"


@pytest.mark.parametrize("age", [0, 100, 48.5, True, "48", 1e300])
def test_no_other_number_is_a_whole_one_in_range(age):
    with pytest.raises(RecordError) as caught:
        optional(member=True, age=age)
    assert caught.value.problems[0]["loc"] == ["age"]


def test_a_retired_field_is_taken_whatever_it_holds_and_named():
    customer = optional(member=True, fax={"number": [1]})
    assert customer.retired == ("fax",)
    assert "fax" not in customer.features
    assert optional(member=True).retired == ()


def test_many_records_name_the_number_of_each_that_is_invalid():
    good, bad = {"member": True}, {"member": 5}
    assert len(OPTIONAL.validate([good, good])) == 2
    with pytest.raises(ValidationError) as caught:
        OPTIONAL.validate([good, bad, good, bad])
    assert [error["loc"] for error in caught.value.errors()] == [(1, "member"), (3, "member")]
