"""Records of customers: the validator of a schema, built once, and what a client is told of an invalid record."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import CoreConfig, CoreSchema, ErrorDetails, SchemaValidator, core_schema

from churn.errors import Problem, RecordError
from churn.schema.category import PRINTABLE
from churn.schema.definition import Schema
from churn.schema.feature import REQUEST_ID, Feature
from churn.schema.json_text import UTF8_MARK, other_encoding
from churn.schema.whole_number import whole_number

RECORD_VERSION = 1
"""Version of the form of journal lines and cards: on each journal line and in each model's card."""
MISSING_CATEGORY = ""
"""How a category of which nothing is known reaches the pipeline."""
MAX_PROBLEMS = 100
"""How many problems an answer lists."""
MAX_COUNTED = 2_000
"""How many problems are described one by one."""
REQUEST_ID_LENGTH = 128

_MESSAGES = {
    # pydantic's own speak of Python, or show its pattern.
    "dict_type": "Input should be an object",
    "string_pattern_mismatch": "String should hold no control character and no line separator",
}
_TYPES = {"dict_type": "model_type"}  # the public code of a record that is no object
_LOC_CHARACTERS = 64  # of a field's name: a client's own may be as long as its body


class Customer(NamedTuple):
    """One customer to score.

    Attributes:
        features: value by name, in the schema's order and normalised; None where nothing is known.
        request_id: the client's own id.
        retired: fields of earlier schemas that the record holds.

    """

    features: dict[str, Any]
    request_id: str | None = None
    retired: tuple[str, ...] = ()


class RecordValidator:
    """Validates the records of one schema. Numbers are JSON numbers; texts get the form in which models know them.

    Example:
        RecordValidator(bundled_schema()).parse(b'{"tenure_months": 48.0, ...}').features["tenure_months"]  # 48

    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        record = _record(schema)
        self._one = SchemaValidator(record)
        self._many = SchemaValidator(core_schema.list_schema(record))

    def parse(self, body: bytes) -> Customer:
        """Read a customer from JSON in UTF-8; a byte order mark is ignored.

        Raises:
            RecordError: the body is not JSON, or not a valid record; `problems` says where and why.
        """
        try:
            return self._customer(self._one.validate_json(body.removeprefix(UTF8_MARK)))
        except ValidationError as invalid:
            error = other_encoding(body) or record_error(invalid)
            del error.problems[MAX_PROBLEMS:]
            raise error from None

    def validate(self, records: Sequence[Any]) -> list[Customer]:
        """Validate records that were read from JSON.

        Raises:
            ValidationError: some are invalid; each place begins with the record's number.
        """
        return list(map(self._customer, self._many.validate_python(records)))

    def _customer(self, values: dict[str, Any]) -> Customer:
        request_id = values.pop(REQUEST_ID, None)
        if not self.schema.retired:
            return Customer(values, request_id)
        retired = tuple(name for name in self.schema.retired if name in values)
        for name in retired:
            del values[name]
        return Customer(values, request_id, retired)


def record_error(error: ValidationError) -> RecordError:
    """Our own form of a pydantic error: without the input, which may be large or private.

    It has one problem that says how many there are where there are more than `MAX_COUNTED`.
    """
    if error.error_count() > MAX_COUNTED:
        # A name of 5 bytes makes a problem of 500, and 10 us: a body could ask for a gigabyte and ten seconds.
        many: Problem = {"loc": [], "msg": f"{error.error_count()} problems", "type": "too_many_problems"}
        return RecordError("the record is not valid", [many])
    details = error.errors(include_url=False, include_context=False, include_input=False)
    malformed = any(detail["type"] == "json_invalid" for detail in details)
    message = "the body is not valid JSON" if malformed else "the record is not valid"
    return RecordError(message, [_problem(detail) for detail in details])


def _problem(detail: ErrorDetails) -> Problem:
    message = _MESSAGES.get(detail["type"], detail["msg"])
    place = [part if isinstance(part, int) else part[:_LOC_CHARACTERS] for part in detail["loc"]]
    return {"loc": place, "msg": message, "type": _TYPES.get(detail["type"], detail["type"])}


def _record(schema: Schema) -> CoreSchema:
    request_id = core_schema.str_schema(min_length=1, max_length=REQUEST_ID_LENGTH, pattern=PRINTABLE)
    fields = {feature.name: _field(feature) for feature in schema.feature}
    fields |= {name: core_schema.typed_dict_field(core_schema.any_schema(), required=False) for name in schema.retired}
    fields[REQUEST_ID] = core_schema.typed_dict_field(core_schema.nullable_schema(request_id), required=False)
    config = CoreConfig(strict=True, allow_inf_nan=False)
    return core_schema.typed_dict_schema(fields, extra_behavior="forbid", config=config)


def _field(feature: Feature) -> core_schema.TypedDictField:
    value = _value(feature)
    if not feature.optional:
        return core_schema.typed_dict_field(value)
    return core_schema.typed_dict_field(
        core_schema.with_default_schema(core_schema.nullable_schema(value), default=None), required=False
    )


def _value(feature: Feature) -> CoreSchema:
    if feature.kind == "category":
        return feature.category.validator()
    if feature.kind == "boolean":
        return core_schema.bool_schema()
    if feature.kind == "integer":
        return whole_number(feature.low, feature.high)
    return core_schema.float_schema(ge=feature.low, le=feature.high)
