"""A batch of customers: its form, and reading one without holding up other requests."""

import asyncio
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from churn.errors import Problem, RecordError
from churn.schema.json_text import UTF8_MARK, other_encoding
from churn.schema.record import MAX_PROBLEMS, Customer, record_error

MAX_ROWS = 10_000
MAX_VALUES = 20 * MAX_ROWS
"""Commas and opening brackets in a body, those in texts included; a row needs 6. A million take a second to parse."""
_CHUNK_ROWS = 256  # about 1 ms of validation between two turns of the event loop


class Batch(BaseModel):
    """Many customers to score at once: all or nothing."""

    model_config = ConfigDict(extra="forbid", strict=True)

    customers: list[Customer] = Field(min_length=1, max_length=MAX_ROWS)


class BatchItem(BaseModel):
    """The answer to one customer of a batch."""

    request_id: str
    prediction: Literal[0, 1]
    probability: float = Field(ge=0, le=1)


class BatchPrediction(BaseModel):
    """The answer to a batch, in the order of its customers."""

    model_config = ConfigDict(protected_namespaces=())

    model_version: str = Field(description="BentoML tag of the model that answered.")
    threshold: float = Field(ge=0, le=1)
    predictions: list[BatchItem]


class _Envelope(BaseModel):
    """A batch whose records were not looked at yet."""

    model_config = ConfigDict(extra="forbid", strict=True)

    customers: list[Any] = Field(min_length=1, max_length=MAX_ROWS)


_CUSTOMERS = TypeAdapter(list[Customer])


async def parse_batch(body: bytes) -> list[Customer]:
    """Read `{"customers": [record, ...]}`, other tasks running in between.

    Raises:
        RecordError: the body is not JSON or not of that form, or records are invalid: then all of them are
            refused, and `problems` names row and field of the first ones.
    """
    records = _open(body)
    customers: list[Customer] = []
    problems: list[Problem] = []
    for start in range(0, len(records), _CHUNK_ROWS):
        try:
            customers += _CUSTOMERS.validate_python(records[start : start + _CHUNK_ROWS])
        except ValidationError as error:
            problems += _row_problems(error, start)
        if len(problems) > MAX_PROBLEMS:
            break
        await asyncio.sleep(0)
    if problems:
        shown = problems[:MAX_PROBLEMS]
        more = f"the first {len(shown)} problems are listed" if len(problems) > len(shown) else "nothing was scored"
        raise RecordError(f"records of the batch are not valid; {more}", shown)
    return customers


def _open(body: bytes) -> list[Any]:
    if sum(map(body.count, (b",", b"[", b"{"))) > MAX_VALUES:
        many: Problem = {
            "loc": [],
            "msg": f"more than {MAX_VALUES} values for at most {MAX_ROWS} records",
            "type": "too_many_values",
        }
        raise RecordError("the batch is not valid", [many])
    try:
        # The parser of `model_validate_json`, so that both routes read a number alike.
        return _Envelope.model_validate(from_json(body.removeprefix(UTF8_MARK), cache_strings="keys")).customers
    except ValidationError as error:
        raise RecordError("the batch is not valid", record_error(error).problems) from None
    except ValueError as error:
        if other := other_encoding(body):
            raise other from None
        problem: Problem = {"loc": [], "msg": f"Invalid JSON: {error}", "type": "json_invalid"}
        raise RecordError("the body is not valid JSON", [problem]) from None


def _row_problems(error: ValidationError, first_row: int) -> list[Problem]:
    problems = record_error(error).problems
    for problem in problems:
        row, *field = problem["loc"] or [0]
        problem["loc"] = ["customers", first_row + int(row), *field]
    return problems
