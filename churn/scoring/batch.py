"""A batch of customers: its form, and reading one without holding up other requests."""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from churn.errors import Problem, RecordError
from churn.model.reasons.answer import Reasons
from churn.schema.definition import Schema
from churn.schema.json_text import UTF8_MARK, other_encoding
from churn.schema.record import MAX_PROBLEMS, Customer, RecordValidator, record_error

MAX_ROWS = 10_000
_CHUNK_VALUES = 20 * 256  # about 1 ms of validation


class Batch(BaseModel):
    """Many customers to score at once, as records that were not looked at yet: all or nothing."""

    model_config = ConfigDict(extra="forbid", strict=True)

    customers: list[Any] = Field(min_length=1, max_length=MAX_ROWS)


class BatchItem(BaseModel):
    """The answer to one customer of a batch."""

    request_id: str
    prediction: Literal[0, 1]
    probability: float = Field(ge=0, le=1)
    reasons: Reasons | None = Field(default=None, description="There with `explain=true`.")


class BatchPrediction(BaseModel):
    """The answer to a batch, in the order of its customers.

    Each is in the prediction journal too, or each of a random share of them where the service's
    `CHURN_JOURNAL_BATCH_SHARE` is below 1. So it is with an Arrow stream.
    """

    model_config = ConfigDict(protected_namespaces=())

    model_version: str = Field(description="BentoML tag of the model that answered.")
    threshold: float = Field(ge=0, le=1)
    predictions: list[BatchItem]


def max_values(schema: Schema) -> int:
    """How many commas and opening brackets a body may have, those in texts included: twice what its rows need.

    A million take half a second to parse, and memory of many times the body.
    """
    fields = len(schema.feature) + len(schema.retired)
    return MAX_ROWS * (10 + 2 * fields)


def chunk_rows(schema: Schema) -> int:
    """Rows of a batch between two turns of the event loop: 1 to 2 ms, which is what a batch adds to other requests."""
    return max(1, min(256, _CHUNK_VALUES // len(schema.feature)))


async def parse_batch(body: bytes, validator: RecordValidator) -> list[Customer]:
    """Read `{"customers": [record, ...]}`, other tasks running in between.

    Raises:
        RecordError: the body is not JSON or not of that form, or records are invalid: then all of them are
            refused, and `problems` names row and field of the first ones.
    """
    return await validate_rows(_open(body, validator.schema), validator)


async def validate_rows(records: Sequence[Any], validator: RecordValidator) -> list[Customer]:
    """Validate the records of a batch, other tasks running in between. Raises as `parse_batch`."""
    customers: list[Customer] = []
    problems: list[Problem] = []
    size = chunk_rows(validator.schema)
    for start in range(0, len(records), size):
        chunk = records[start : start + size]
        try:
            customers += validator.validate(chunk)
        except ValidationError:
            problems += row_problems(chunk, start, validator)
        if len(problems) > MAX_PROBLEMS:
            break
        await asyncio.sleep(0)
    if problems:
        raise invalid_rows(problems)
    return customers


def invalid_rows(problems: Sequence[Problem]) -> RecordError:
    """The error of a batch with these problems, of which only the first ones may be known."""
    shown = list(problems[:MAX_PROBLEMS])
    more = f"the first {len(shown)} problems are listed" if len(problems) > len(shown) else "nothing was scored"
    return RecordError(f"records of the batch are not valid; {more}", shown)


def _open(body: bytes, schema: Schema) -> list[Any]:
    allowed = max_values(schema)
    if sum(map(body.count, (b",", b"[", b"{"))) > allowed:
        many: Problem = {
            "loc": [],
            "msg": f"more than {allowed} values for at most {MAX_ROWS} records",
            "type": "too_many_values",
        }
        raise RecordError("the batch is not valid", [many])
    try:
        # The parser of `model_validate_json`, so that both routes read a number alike.
        return Batch.model_validate(from_json(body.removeprefix(UTF8_MARK), cache_strings="keys")).customers
    except ValidationError as error:
        raise RecordError("the batch is not valid", record_error(error).problems) from None
    except ValueError as error:
        if other := other_encoding(body):
            raise other from None
        problem: Problem = {"loc": [], "msg": f"Invalid JSON: {error}", "type": "json_invalid"}
        raise RecordError("the body is not valid JSON", [problem]) from None


def row_problems(chunk: Sequence[Any], first_row: int, validator: RecordValidator) -> list[Problem]:
    """What is wrong with the records, one by one: all at once would be too many to name any (`record_error`)."""
    problems: list[Problem] = []
    for row, record in enumerate(chunk, start=first_row):
        try:
            validator.validate([record])
        except ValidationError as error:
            found = record_error(error).problems
            for problem in found:
                problem["loc"] = ["customers", row, *problem["loc"][1:]]
            problems += found
        if len(problems) > MAX_PROBLEMS:
            break
    return problems
