"""What clients would notice of another schema; the validators of both schemas say whether they would break."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from churn.schema.definition import Schema
from churn.schema.difference import differences
from churn.schema.record import RecordValidator

TENURE = {"name": "tenure", "kind": "integer", "minimum": 0, "maximum": 120}
CONTRACT = {"name": "contract", "kind": "category", "max_length": 20}
CHARGES = {"name": "charges", "kind": "number"}
BASE = {"version": 1, "name": "telco", "target": {"column": "churn"}}


def schema(*features, **others):
    return Schema.model_validate(BASE | {"feature": list(features)} | others)


OLD = schema(TENURE, CONTRACT, CHARGES)


def texts(new, old=OLD):
    found = differences(old, new)
    assert [item.breaking for item in found] == sorted((item.breaking for item in found), reverse=True)
    return {item.text: item.breaking for item in found}


def test_a_schema_does_not_differ_from_itself():
    assert differences(OLD, schema(CHARGES, CONTRACT, TENURE)) == ()  # in whatever order


@pytest.mark.parametrize(
    ("feature", "text", "breaking"),
    [
        (TENURE | {"maximum": 72}, "`tenure` accepts 0 to 72 instead of 0 to 120", True),
        (TENURE | {"minimum": -1}, "`tenure` accepts -1 to 120 instead of 0 to 120", False),
        (TENURE | {"kind": "number"}, "`tenure` is a number instead of an integer", False),
        (TENURE | {"missing": "impute"}, "`tenure` is optional instead of required", False),
        (TENURE | {"example": 3}, "`tenure` has another description or example", False),
        (CHARGES | {"minimum": 0}, "`charges` accepts 0 or more instead of any number", True),
        (CHARGES | {"kind": "integer"}, "`charges` is an integer instead of a number", True),
        (CHARGES | {"kind": "boolean"}, "`charges` is a boolean instead of a number", True),
        (CONTRACT | {"max_length": 8}, "`contract` accepts texts of up to 8 characters instead of 20", True),
        (CONTRACT | {"max_length": 32}, "`contract` accepts texts of up to 32 characters instead of 20", False),
        (CONTRACT | {"case": "lower"}, "`contract` is taken in lower case instead of as it is written", False),
    ],
)
def test_a_changed_field(feature, text, breaking):
    features = {item["name"]: item for item in (TENURE, CONTRACT, CHARGES)} | {feature["name"]: feature}
    assert texts(schema(*features.values())) == {text: breaking}


def test_optional_to_required_breaks():
    old = schema(TENURE | {"missing": "impute"})
    assert texts(schema(TENURE), old) == {"`tenure` is required instead of optional": True}


def test_limits_between_whole_numbers_are_those_of_the_whole_numbers():
    assert texts(schema(TENURE | {"maximum": 120.5}, CONTRACT, CHARGES)) == {}


def test_fields_that_come_and_go():
    age = {"name": "age", "kind": "integer"}
    assert texts(schema(TENURE, CONTRACT, CHARGES, age)) == {"`age` is new, and required": True}
    assert texts(schema(TENURE, CONTRACT, CHARGES, age | {"missing": "impute"})) == {
        "`age` is new, and optional": False
    }
    assert texts(schema(TENURE, CONTRACT)) == {"`charges` is refused: it is gone, and not in `retired`": True}
    retired = schema(TENURE, CONTRACT, retired=["charges"])
    assert texts(retired) == {"`charges` is retired: accepted, and ignored with a warning": False}
    assert texts(schema(TENURE, CONTRACT), retired) == {
        "`charges` is refused: it was retired, and is not in `retired` any more": True
    }
    # A retired field may hold anything; the same name again may not.
    assert texts(OLD, retired) == {"`charges` was retired and ignored, and is now a number": True}
    assert texts(schema(TENURE, CONTRACT, CHARGES, retired=["fax"])) == {
        "`fax` is accepted, and ignored with a warning": False
    }


def test_name_and_target_are_listed():
    new = schema(TENURE, CONTRACT, CHARGES, name="telco-2", target={"column": "left", "positive": ["Yes"]})
    assert texts(new) == {
        "the schema is named telco-2 instead of telco": False,
        "predicted is `left` = Yes instead of `churn` = 1": False,
    }


limits = st.sampled_from([None, -2, -0.5, 0, 1, 2.5, 3])


KINDS = ["integer", "number", "category", "boolean"]


@st.composite
def features(draw, name, kinds=KINDS):
    kind = draw(st.sampled_from(kinds))
    feature = {"name": name, "kind": kind, "missing": draw(st.sampled_from(["refuse", "impute"]))}
    if kind == "category":
        feature |= {"max_length": draw(st.integers(1, 4)), "case": draw(st.sampled_from(["keep", "lower", "upper"]))}
    elif kind != "boolean":
        low, high = draw(limits), draw(limits)
        if low is not None and high is not None and low > high:
            low, high = high, low
        if kind == "integer" and low == high and low in (-0.5, 2.5):
            high = None  # there is no whole number between them, and so no such schema
        feature |= {key: limit for key, limit in (("minimum", low), ("maximum", high)) if limit is not None}
    return feature


@st.composite
def schemas(draw):
    uses = {name: draw(st.sampled_from(["feature", "retired", "unknown"])) for name in "abc"}
    found = [draw(features(name)) for name, use in uses.items() if use == "feature"] + [
        {"name": "z", "kind": "boolean"}
    ]
    return schema(*found, retired=[name for name, use in uses.items() if use == "retired"])


# Letters that do not grow with their case.
values = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-3, -2, -1, -0.5, 0, 0.5, 1, 1.0, 2, 2.5, 3, 4, 10**16]),
    st.text("aB \u00e9", min_size=1, max_size=5),
)


def accepts(schema, record):
    try:
        RecordValidator(schema).validate([record])
    except ValidationError:
        return False
    return True


@settings(max_examples=400, deadline=None)
@given(schemas(), schemas(), st.data())
def test_what_only_the_old_schema_accepts_is_announced(old, new, data):
    if any(item.breaking for item in differences(old, new)):
        return
    record = {"z": True}
    for name in data.draw(st.sets(st.sampled_from("abc"))):
        record[name] = data.draw(values)
    if accepts(old, record):
        assert accepts(new, record), record


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(KINDS), st.data(), st.lists(values, min_size=8, max_size=8))
def test_what_only_the_old_feature_accepts_is_announced(kind, data, candidates):
    """As above for one field that is always there and stays of its kind."""
    old, new = (schema(data.draw(features("a", [kind]))) for _ in range(2))
    refused = [value for value in candidates if accepts(old, {"a": value}) and not accepts(new, {"a": value})]
    assert not refused or any(item.breaking for item in differences(old, new))
