"""Integer as JSON Schema defines it: a number without a fractional part, however it is spelled."""

from dataclasses import dataclass

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class WholeNumber:
    """Takes 48, 48.0 and 4.8e1 for the integer 48, and as before neither 48.5 nor "48" nor true.

    To stand after the limits of a field, so that they hold for what it gives. All of it is the validator's own
    compiled code: a function in Python would cost a batch several percent.
    """

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A strict integer, or else a strict float without fraction; then the field's own checks."""
        from_float = core_schema.chain_schema(
            [core_schema.float_schema(strict=True), core_schema.int_schema(strict=False)]
        )
        either = core_schema.union_schema(
            [core_schema.int_schema(strict=True), from_float],
            custom_error_type="int_type",  # one problem, of the type that it had, not one for each of the two
        )
        return core_schema.chain_schema([either, handler(source)])

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, object]:
        """That of the field's own checks: an integer."""
        return handler(schema["steps"][-1])
