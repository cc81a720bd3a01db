"""The documented record and the validator agree, whatever the schema; the example is a valid record."""

import json
import math

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from churn.errors import RecordError
from churn.schema.definition import Schema
from churn.schema.json_schema import example_record, features_schema, record_schema
from churn.schema.record import RecordValidator

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema comes with a development dependency; `make setup`")

NAMES = ["a", "b", "c", "class", "copy", "items", "größe", "_x", "model_config"]
CARD = {"features": [{"name": "a", "categories": ["", "N", "S"]}]}
limits = st.none() | st.integers(-50, 50) | st.floats(-1e6, 1e6).map(lambda number: round(number, 3))
missing = st.sampled_from(["refuse", "impute"])


@st.composite
def numeric(draw, name):
    kind = draw(st.sampled_from(["integer", "number"]))
    low, high = draw(limits), draw(limits)
    if low is not None and high is not None:
        low, high = sorted((low, high))
        assume(kind == "number" or math.ceil(low) <= math.floor(high))  # else there is no such schema
    ends = {key: end for key, end in (("minimum", low), ("maximum", high)) if end is not None}
    return {"name": name, "kind": kind, "missing": draw(missing), **ends}


def feature(name):
    category = st.fixed_dictionaries(
        {"name": st.just(name), "kind": st.just("category"), "missing": missing},
        optional={"case": st.sampled_from(["keep", "lower", "upper"]), "max_length": st.integers(1, 9)},
    )
    boolean = st.fixed_dictionaries({"name": st.just(name), "kind": st.just("boolean"), "missing": missing})
    return numeric(name) | numeric(name) | category | boolean


@st.composite
def schemas(draw):
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    features = [draw(feature(name)) for name in names]
    retired = draw(st.lists(st.sampled_from(["old", "older"]), unique=True))
    base = {"version": 1, "name": "made", "target": {"column": "left"}}
    return Schema.model_validate(base | {"feature": features, "retired": retired})


# Of the texts, not those that the two count differently: padded ones, and letters that another case makes two of.
texts = st.text("abZé7,[ \x07\u2028", max_size=11).filter(lambda text: text == text.strip() or not text.strip())
anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-60, 60),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-60, 60).map(float),
    st.sampled_from([1e15, -1e15, 1e15 + 1, 10**15, 10**15 + 1, 48.5]),
    texts,
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=1),
)


def likely(feature):
    """A value that it may well take: else next to no record of some features would be valid."""
    if feature.kind == "boolean":
        return st.booleans()
    if feature.is_category:
        return st.text("abZé7", min_size=1, max_size=feature.max_length)
    low, high = max(feature.low, -1e15), min(feature.high, 1e15)
    whole = st.integers(math.ceil(low), math.floor(high)) if math.ceil(low) <= math.floor(high) else st.just(low)
    return whole | whole.map(float) | (st.floats(low, high) if feature.kind == "number" else whole)


def edges(feature):
    """Values at the ends of what it takes and just beyond."""
    if feature.is_category:
        return st.sampled_from(["Z" * feature.max_length, "é" * (feature.max_length + 1), "", " "])
    near = [-1, 0, 1, 0.5]
    return st.sampled_from([end + step for end in (feature.low, feature.high) for step in near])


@st.composite
def records(draw, schema):
    record = {feature.name: draw(likely(feature)) for feature in schema.feature}
    for name in draw(st.lists(st.sampled_from([*schema.feature_names, "old", "request_id", "more"]), max_size=2)):
        record[name] = draw(anything)
    for feature in draw(st.lists(st.sampled_from(schema.feature), min_size=1, max_size=2)):
        record[feature.name] = draw(edges(feature))
    for name in draw(st.lists(st.sampled_from(sorted(record)), max_size=1)):
        del record[name]
    return record


def is_accepted(validator, record):
    try:
        return validator.parse(json.dumps(record).encode())
    except RecordError:
        return None


def fits(document, value):
    return jsonschema.Draft202012Validator(document).is_valid(value)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
@pytest.mark.slow
def test_a_record_is_accepted_where_it_fits_the_document_and_only_there(data):
    schema = data.draw(schemas())
    document, validator = record_schema(schema, example_record(schema)), RecordValidator(schema)
    jsonschema.Draft202012Validator.check_schema(document)
    for _ in range(8):
        record = data.draw(records(schema))
        accepted = is_accepted(validator, record)
        assert (accepted is not None) == fits(document, record), record
        if accepted is not None:
            assert fits(features_schema(schema), accepted.features)


@settings(max_examples=150, deadline=None)
@given(schemas(), st.sampled_from([None, CARD]))
def test_the_example_is_a_valid_record_with_each_feature(schema, card):
    example = example_record(schema, card)
    assert tuple(example) == schema.feature_names
    assert is_accepted(RecordValidator(schema), example) is not None
    document = record_schema(schema, example)
    assert fits(document, example)
    assert {name: document["properties"][name]["examples"] for name in example} == {n: [v] for n, v in example.items()}


FEATURES = {
    "months": {"kind": "integer", "minimum": 0, "maximum": 99},
    "fee": {"kind": "number", "minimum": 10},
    "debt": {"kind": "number"},
    "town": {"kind": "category", "max_length": 5},
    "online": {"kind": "boolean"},
    "plan": {"kind": "category", "example": "gold"},
}


@pytest.fixture
def schema():
    features = [{"name": name, **feature} for name, feature in FEATURES.items()]
    return Schema.model_validate({"version": 1, "name": "made", "target": {"column": "left"}, "feature": features})


def test_without_a_model_the_example_is_of_the_schema_alone(schema):
    expected = {"months": 49, "fee": 10, "debt": 0, "town": "text", "online": False, "plan": "gold"}
    assert example_record(schema) == expected


def test_with_a_model_the_example_is_of_what_training_saw(schema):
    seen = [
        {"name": "months", "training_minimum": 0.0, "training_maximum": 41.0},
        {"name": "fee", "training_minimum": 20.5, "training_maximum": 31.123},
        {"name": "town", "categories": ["", "Accra", "Lagos"]},
    ]
    expected = {"months": 20, "fee": 25.8, "debt": 0, "town": "Accra", "online": False, "plan": "gold"}
    assert example_record(schema, {"features": seen}) == expected


def test_optional_and_retired_fields_are_documented_as_such(schema):
    optional = schema.model_copy(
        update={
            "feature": (schema.feature[0].model_copy(update={"missing": "impute"}), *schema.feature[1:]),
            "retired": ("old",),
        }
    )
    document = record_schema(optional, example_record(optional))
    assert document["required"] == list(FEATURES)[1:]
    assert document["properties"]["months"]["type"] == ["integer", "null"]
    assert document["properties"]["old"]["deprecated"] is True
    assert document["additionalProperties"] is False


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"kind": "category", "example": "toolong", "max_length": 6}, "would be refused in a request"),
        ({"kind": "category", "example": "a\x07"}, "would be refused in a request"),
        ({"kind": "category", "example": "  "}, "would be refused in a request"),
        ({"kind": "category", "example": 5}, "is not a text"),
        (
            {"kind": "integer", "minimum": 0.2, "maximum": 0.8},
            "there is no whole number from minimum 0.2 to maximum 0.8",
        ),
    ],
)
def test_a_schema_of_which_no_example_is_valid_is_none(schema, wrong, why):
    document = schema.model_dump(exclude={"identifier"}) | {"feature": [{"name": "a", **wrong}]}
    with pytest.raises(ValueError, match=why):
        Schema.model_validate(document)
