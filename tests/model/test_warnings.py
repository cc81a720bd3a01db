"""What of a record was not scored as it stands is named: unseen, missing and retired."""

import json

import pytest
from constant_scorer import OTHER, constant_scorer

from churn.errors import RecordError

SCORER = constant_scorer(OTHER, rare_categories={"class": ["RARE"]})
RECORD = {"class": "A", "items": 3, "copy": 1.5, "get": True, "keys": "a"}
UNSEEN = "class 'B' was not seen in training; scored as unknown"
MISSING = "{} is missing; scored as missing"
RETIRED = "{} is a field of an earlier schema; ignored"


def parse(record):
    return SCORER.validator.parse(json.dumps(record).encode())


@pytest.mark.parametrize(
    ("changes", "warnings"),
    [
        ({}, []),
        ({"class": "B"}, [UNSEEN]),
        ({"class": "RARE"}, []),
        ({"copy": None}, [MISSING.format("copy")]),
        ({"keys": None, "copy": None}, [MISSING.format("copy"), MISSING.format("keys")]),
        ({"points": None}, [RETIRED.format("points")]),
        ({"level": [1, {}], "points": "x"}, [RETIRED.format("points"), RETIRED.format("level")]),
        ({"class": "B", "copy": None, "level": 1}, [UNSEEN, MISSING.format("copy"), RETIRED.format("level")]),
    ],
)
def test_each_is_named_once(changes, warnings):
    assert list(SCORER.warnings(parse(RECORD | changes))) == warnings


def test_a_field_that_is_absent_is_one_that_is_null():
    absent = {name: value for name, value in RECORD.items() if name not in ("copy", "keys")}
    assert parse(absent) == parse(RECORD | {"copy": None, "keys": None})
    assert SCORER.score([parse(absent)]) == [0.25]


def test_retired_fields_are_no_features_and_reach_no_answer():
    assert parse(RECORD | {"points": 1}).features == RECORD | {"keys": "A"}
    assert "points" in parse(RECORD | {"points": 1}).retired


@pytest.mark.parametrize(
    "changes", [{"items": None}, {"get": None}, {"get": 1}, {"get": "true"}, {"class": None}, {"gone": 1}]
)
def test_what_is_not_optional_or_of_another_kind_is_refused_by_name(changes):
    with pytest.raises(RecordError) as refused:
        parse(RECORD | changes)
    assert [problem["loc"] for problem in refused.value.problems] == [list(changes)]
