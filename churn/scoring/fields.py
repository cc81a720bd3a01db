"""Fields of a record as a command line has them: typed by the features of a model, and listed for people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from churn.errors import SettingsError
from churn.schema.feature import FURTHEST, Feature
from churn.schema.json_schema import example_of
from churn.schema.json_text import Json

_SHOWN_CATEGORIES = 8


def features_of(card: Mapping[str, Any]) -> tuple[Feature, ...]:
    """The features that a model's card describes, as far as it does: it has no examples.

    Raises:
        KeyError, TypeError, ValueError: it is no card.
    """
    return tuple(_feature(entry) for entry in card["features"])


def _feature(entry: Mapping[str, Any]) -> Feature:
    limits = ("minimum", "maximum") if entry["kind"] in ("integer", "number") else ()
    return Feature(name=entry["name"], kind=entry["kind"], **{key: entry[key] for key in limits})


def record_of(arguments: Iterable[str], features: Iterable[Feature]) -> bytes:
    """The JSON object of arguments NAME=VALUE. What its feature cannot be stays a text, for the validator to refuse.

    Raises:
        SettingsError: an argument has another form or is not UTF-8 text, or a name is there twice.
    """
    kinds = {feature.name: feature.kind for feature in features}
    record: dict[str, Json] = {}
    for argument in arguments:
        name, equals, text = argument.partition("=")
        if not name or not equals:
            raise SettingsError(f"{argument!r} is neither NAME=VALUE nor a JSON object")
        if name in record:
            raise SettingsError(f"{name} is given twice")
        record[name] = _value(text, kinds.get(name, "category"))
    try:
        return orjson.dumps(record)
    except orjson.JSONEncodeError:
        raise SettingsError("an argument is not UTF-8 text") from None


def _value(text: str, kind: str) -> Json:
    if kind == "category":
        return text
    try:
        return orjson.loads(text.lower())
    except orjson.JSONDecodeError:
        return text


def listing(features: Sequence[Feature], card: Mapping[str, Any]) -> list[str]:
    """One line a feature: its name, kind, and what it may be."""
    described = {entry["name"]: entry for entry in card["features"]}
    width = max(len(feature.name) for feature in features)
    return [f"{feature.name:{width}}  {_allowed(feature, described[feature.name])}" for feature in features]


def _allowed(feature: Feature, entry: Mapping[str, Any]) -> str:
    optional = " (may be left out)" if feature.optional else ""
    if feature.kind == "boolean":
        return f"true or false{optional}"
    if not feature.is_category:
        return f"{feature.kind}{_range(feature)}{optional}"
    known = [text for text in entry["categories"] if text]
    more = f" and {len(known) - _SHOWN_CATEGORIES} more" if len(known) > _SHOWN_CATEGORIES else ""
    return f"one of {', '.join(known[:_SHOWN_CATEGORIES])}{more}{optional}"


def _range(feature: Feature) -> str:
    ends = [f" {word} {end:.15g}" for word, end in (("from", feature.low), ("to", feature.high)) if abs(end) < FURTHEST]
    return ",".join(["", "".join(ends)]) if ends else ""


def example_arguments(features: Iterable[Feature], card: Mapping[str, Any]) -> list[str]:
    """Arguments NAME=VALUE for a record of these features."""
    described = {entry["name"]: entry for entry in card["features"]}
    values = {feature.name: example_of(feature, described[feature.name]) for feature in features}
    return [f"{name}={value if isinstance(value, str) else _json(value)}" for name, value in values.items()]


def _json(value: float) -> str:
    """A number as people write it: 60, not 60.0."""
    return f"{value:g}" if isinstance(value, float) and value == float(f"{value:g}") else orjson.dumps(value).decode()
