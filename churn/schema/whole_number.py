"""Integer as JSON Schema defines it: a number without a fractional part, however it is spelled."""

import math

from pydantic_core import CoreSchema, core_schema


def whole_number(low: float, high: float) -> CoreSchema:
    """Takes 48, 48.0 and 4.8e1 for the integer 48, from `low` to `high`, and neither 48.5 nor "48" nor true.

    All of it is the validator's own compiled code: a function in Python would cost a batch several percent.
    """
    from_float = core_schema.chain_schema([core_schema.float_schema(strict=True), core_schema.int_schema(strict=False)])
    either = core_schema.union_schema(
        [core_schema.int_schema(strict=True), from_float],
        custom_error_type="int_type",  # one problem, of the type that it had, not one for each of the two
    )
    return core_schema.chain_schema([either, core_schema.int_schema(ge=math.ceil(low), le=math.floor(high))])
