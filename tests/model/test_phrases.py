"""Reasons in words: of a bounded vocabulary, and no text of a client's that training has not seen."""

import pytest

from churn.model.reasons.phrases import LEAST, Phrases, human_name, is_plural
from churn.schema.reading import parse_schema

SCHEMA = parse_schema(
    b"""
version = 1
name = "telephones"
[target]
column = "left"
positive = ["yes"]
negative = ["no"]
[[feature]]
name = "Contract"
kind = "category"
missing = "impute"
[[feature]]
name = "OnlineSecurity"
kind = "category"
[[feature]]
name = "MonthlyCharges"
kind = "number"
missing = "impute"
[[feature]]
name = "SeniorCitizen"
kind = "integer"
[[feature]]
name = "is_active"
kind = "boolean"
missing = "impute"
[[feature]]
name = "num_calls"
kind = "integer"
[[feature]]
name = "empty"
kind = "number"
missing = "impute"
""",
    "telephones",
)
NAMES = list(SCHEMA.feature_names)
CARD = {
    "categories": {
        "Contract": ["Month-to-month", "Two year"],
        "OnlineSecurity": ["No", "No internet service", "Yes"],
    },
    "rare_categories": {"Contract": ["Weekly"]},
}
NUMBERS = [
    {"quartiles": [35.0, 90.0], "flag": False},
    {"quartiles": [0.0, 0.0], "flag": True},
    {"quartiles": [0.0, 1.0], "flag": True},
    {"quartiles": [0.0, 2.0], "flag": False},
    {"quartiles": [None, None], "flag": False},
]
PHRASES = Phrases(SCHEMA, CARD, NUMBERS)


def summary(**contributions):
    """Of features given as name=(value, contribution), in that order."""
    values, amounts = [None] * len(NAMES), [0.0] * len(NAMES)
    for name, (value, amount) in contributions.items():
        values[NAMES.index(name)], amounts[NAMES.index(name)] = value, amount
    return PHRASES.summary([NAMES.index(name) for name in contributions], values, amounts)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("Contract", "Month-to-month", "Month-to-month contract raises the risk most"),
        ("Contract", "Weekly", "Rare contract raises the risk most"),
        ("Contract", "<b>mine</b>", "Unseen contract raises the risk most"),
        ("Contract", None, "Missing contract raises the risk most"),
        ("OnlineSecurity", "Yes", "Online security raises the risk most"),
        ("OnlineSecurity", "No", "No online security raises the risk most"),
        ("OnlineSecurity", "No internet service", "No internet service (online security) raises the risk most"),
        ("MonthlyCharges", 20, "Low monthly charges raise the risk most"),
        ("MonthlyCharges", 35.01, "Middling monthly charges raise the risk most"),
        ("MonthlyCharges", 90.5, "High monthly charges raise the risk most"),
        ("MonthlyCharges", None, "Missing monthly charges raise the risk most"),
        ("SeniorCitizen", 1, "Senior citizen raises the risk most"),
        ("SeniorCitizen", 0, "No senior citizen raises the risk most"),
        ("is_active", True, "Active raises the risk most"),
        ("is_active", False, "Not active raises the risk most"),
        ("is_active", None, "Missing active raises the risk most"),
        ("num_calls", 0, "Low num calls raise the risk most"),
        ("num_calls", 1, "Middling num calls raise the risk most"),
        ("num_calls", 2, "High num calls raise the risk most"),
        ("empty", 3.0, "Middling empty raises the risk most"),
    ],
)
def test_each_value_has_its_words(name, value, sentence):
    assert summary(**{name: (value, 1.0)}) == [sentence]


def test_the_greatest_of_each_direction_is_said_to_be_and_three_are_named():
    reasons = {
        "Contract": ("Month-to-month", 0.9),
        "MonthlyCharges": (99, 0.7),
        "OnlineSecurity": ("Yes", -0.6),
        "SeniorCitizen": (1, 0.5),
    }
    assert summary(**reasons) == [
        "Month-to-month contract raises the risk most",
        "High monthly charges raise the risk",
        "Online security lowers the risk most",
    ]


def test_small_contributions_are_not_worth_a_sentence():
    assert summary(SeniorCitizen=(1, -LEAST), Contract=("Two year", LEAST - 1e-9)) == [
        "Senior citizen lowers the risk most"
    ]
    assert summary(Contract=("Two year", 0.0)) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SeniorCitizen", "senior citizen"),
        ("StreamingTV", "streaming TV"),
        ("TVPackage2", "TV package2"),
        ("num_complaints", "num complaints"),
        ("__", "__"),
        ("x", "x"),
        ("Größe", "größe"),
    ],
)
def test_names_become_words(name, words):
    assert human_name(name) == words


def test_plurals_are_told_by_their_ending():
    assert [name for name in ("charges", "class", "status", "basis", "tenure") if is_plural(name)] == ["charges"]
