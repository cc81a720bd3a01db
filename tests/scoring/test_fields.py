"""Fields of a record on a command line: their types, and how they are listed."""

import json

import pytest

from churn.errors import SettingsError
from churn.schema.feature import Feature
from churn.scoring.fields import example_arguments, features_of, listing, record_of

FEATURES = (
    Feature(name="tenure", kind="integer", minimum=0, maximum=120, example=12),
    Feature(name="balance", kind="number", minimum=-1e6, missing="impute"),
    Feature(name="active", kind="boolean"),
    Feature(name="plan", kind="category", missing="impute", example="pay as you go"),
)
CARD = {
    "features": [
        {"name": "tenure", "kind": "integer", "minimum": 0.0, "maximum": 120.0},
        {"name": "balance", "kind": "number", "minimum": -1e6, "maximum": 1e15, "training_minimum": 0.5},
        {"name": "active", "kind": "boolean", "minimum": 0.0, "maximum": 1.0},
        {"name": "plan", "kind": "category", "categories": ["", *(f"plan {n}" for n in range(10))]},
    ]
}


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("tenure=48", 48),
        ("tenure=4.8e1", 48.0),
        ("tenure=soon", "soon"),
        ("tenure=007", "007"),
        ("balance=-0.1", -0.1),
        ("balance=null", None),
        ("balance=NaN", "NaN"),
        ("balance=1e999", "1e999"),
        ("active=true", True),
        ("active=False", False),
        ("active=yes", "yes"),
        ("plan=null", "null"),
        ("plan=48", "48"),
        ("plan=a=b\u00a0c", "a=b\u00a0c"),
        ("plan=", ""),
        ("else=1", "1"),
    ],
)
@pytest.mark.parametrize("features", [FEATURES, features_of(CARD)], ids=["schema", "card"])
def test_a_value_has_the_type_of_its_feature(argument, value, features):
    (found,) = json.loads(record_of([argument], features)).values()
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("arguments", [["tenure"], ["=1"], ["tenure=1", "tenure=1"], ["plan=\udcff"]])
def test_other_arguments_are_refused(arguments):
    with pytest.raises(SettingsError):
        record_of(arguments, FEATURES)


def test_the_list_says_what_each_may_be():
    assert listing(FEATURES, CARD) == [
        "tenure   integer, from 0 to 120",
        "balance  number, from -1000000 (may be left out)",
        "active   true or false",
        "plan     one of " + ", ".join(f"plan {n}" for n in range(8)) + " and 2 more (may be left out)",
    ]
    assert listing(features_of(CARD), CARD)[0] == "tenure   integer, from 0 to 120"


def test_the_example_is_the_schemas_or_what_training_saw():
    assert example_arguments(FEATURES, CARD) == ["tenure=12", "balance=0.5", "active=false", "plan=pay as you go"]
    assert example_arguments(features_of(CARD), CARD)[-1] == "plan=plan 0"
    assert json.loads(record_of(example_arguments(FEATURES, CARD), FEATURES))["active"] is False
