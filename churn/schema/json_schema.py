"""JSON Schema of a table's records, and a record that shows one."""

import math
from collections.abc import Mapping
from typing import Any

from churn.schema.category import PRINTABLE
from churn.schema.definition import Schema
from churn.schema.feature import REQUEST_ID, Feature
from churn.schema.record import REQUEST_ID_LENGTH
from churn.schema.table import Value

type Json = dict[str, Any]

_LINE = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_NOT_BLANK = rf"^[^{_LINE}]*[^{_LINE}\s][^{_LINE}]*$"  # texts are trimmed before they are checked
_DIGITS = 3


def record_schema(schema: Schema, example: Mapping[str, Value]) -> Json:
    """JSON Schema of the records that requests may hold.

    Args:
        schema: of the table.
        example: the value that each feature shows; `example_record` has one for each.

    """
    fields = {feature.name: _field(feature, example[feature.name]) for feature in schema.feature}
    retired = {"deprecated": True, "description": "A field of an earlier schema; ignored, with a warning."}
    return {
        "type": "object",
        "description": "One customer to score. Numbers are JSON numbers; texts are trimmed.",
        "properties": fields | dict.fromkeys(schema.retired, retired) | {REQUEST_ID: _REQUEST_ID},
        "required": [feature.name for feature in schema.feature if not feature.optional],
        "additionalProperties": False,
    }


def features_schema(schema: Schema) -> Json:
    """JSON Schema of the features in an answer: all of them, null where nothing is known."""
    return {
        "type": "object",
        "description": "The features as the model saw them: trimmed and normalised.",
        "properties": {feature.name: {"type": _type(feature)} for feature in schema.feature},
        "required": list(schema.feature_names),
        "additionalProperties": False,
    }


def example_record(schema: Schema, card: Mapping[str, Any] | None = None) -> Json:
    """A valid record with each feature: the schema's example, or else something that it allows.

    Args:
        schema: of the table.
        card: of a model of that schema. With it, values are from the range and the categories that training saw.

    """
    described = {entry["name"]: entry for entry in (card or {}).get("features", ())}
    return {feature.name: example_of(feature, described.get(feature.name, {})) for feature in schema.feature}


def _field(feature: Feature, example: Value) -> Json:
    # JSON Schema cannot say of what it counts the characters; some letters are two or three in upper case.
    counted = f"Characters are counted in {feature.category.counted_in}." if feature.case != "keep" else ""
    description = " ".join(filter(None, (feature.description, counted)))
    described = {"description": description} if description else {}
    return {"type": _type(feature), **_limits(feature), **described, "examples": [example]}


def _type(feature: Feature) -> str | list[str]:
    name = "string" if feature.is_category else feature.kind
    return [name, "null"] if feature.optional else name


def _limits(feature: Feature) -> Json:
    if feature.is_category:
        return {"minLength": 1, "maxLength": feature.max_length, "pattern": _NOT_BLANK}
    if feature.kind == "boolean":
        return {}
    if feature.kind == "integer":
        return {"minimum": math.ceil(feature.low), "maximum": math.floor(feature.high)}
    return {"minimum": feature.low, "maximum": feature.high}


def example_of(feature: Feature, described: Mapping[str, Any]) -> Value:
    """The feature's own example, or else something that it allows; `described` is its entry in a model's card."""
    if feature.example is not None:
        return feature.example
    if feature.is_category:
        known = [text for text in described.get("categories", ()) if text]
        return known[0] if known else "text"[: feature.max_length]
    return False if feature.kind == "boolean" else _middle(feature, described)


def _middle(feature: Feature, described: Mapping[str, Any]) -> float:
    """The middle of what training saw, or else of the range; the one end of a range that has one."""
    ends = [described.get(f"training_{key}", getattr(feature, key)) for key in ("minimum", "maximum")]
    given = [end for end in ends if end is not None]
    middle = float(f"{sum(given) / max(len(given), 1):.{_DIGITS}g}")
    if feature.kind == "integer":
        return min(max(math.floor(middle), math.ceil(feature.low)), math.floor(feature.high))
    return min(max(middle, feature.low), feature.high)


_REQUEST_ID: Json = {
    "type": ["string", "null"],
    "minLength": 1,
    "maxLength": REQUEST_ID_LENGTH,
    "pattern": PRINTABLE,
    "description": "Your id for this request; echoed back.",
    "examples": ["req-safe"],
}
