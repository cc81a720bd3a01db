"""The customer record and the prediction record: the only list of fields, types and ranges.

Everything else derives from `Customer`: the request validation, the columns of a training file, the
inputs of the pipeline, the OpenAPI document, the drift features. To change the features, change this
class, raise `SCHEMA_VERSION`, and retrain (README, "Changing the features").
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails, PydanticUndefined

from churn.errors import Problem, RecordError
from churn.schema.old_category import PRINTABLE, Category
from churn.schema.json_text import UTF8_MARK, other_encoding
from churn.schema.old_whole_number import WholeNumber

SCHEMA_VERSION = 1
"""Version of the record format: stored with each model and on each journal line."""

TARGET = "churn"
MAX_PROBLEMS = 100
"""How many problems an answer lists."""
MAX_COUNTED = 2_000
"""How many problems are described one by one."""
_MESSAGES = {
    # pydantic's own name the classes of this code, or its pattern.
    "model_type": "Input should be an object",
    "model_attributes_type": "Input should be an object",
    "string_pattern_mismatch": "String should hold no control character and no line separator",
}
_LOC_CHARACTERS = 64  # of a field's name: a client's own may be as long as its body
MISSING_CATEGORY = ""
"""How a missing category of a training row reaches the pipeline: scored like one it has never seen."""

PlanType = Annotated[str, Category("lower", max_length=32)]
Region = Annotated[str, Category("upper", max_length=32)]
RequestId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=PRINTABLE)]


class Customer(BaseModel):
    """One customer to score. Numbers are JSON numbers; text is trimmed and its case made uniform."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    # The examples make the record that the Swagger page offers to send.
    tenure_months: Annotated[
        int, Field(ge=0, le=200, examples=[48], description="Months since the customer joined."), WholeNumber()
    ]
    num_complaints: Annotated[
        int, Field(ge=0, le=50, examples=[0], description="Complaints in the last year."), WholeNumber()
    ]
    avg_session_minutes: float = Field(ge=0, le=500, examples=[60], description="Mean minutes of a session.")
    plan_type: PlanType = Field(examples=["premium"], description="Plan; trimmed, lower-cased.")
    region: Region = Field(examples=["EU"], description="Region; trimmed, upper-cased.")
    request_id: RequestId | None = Field(
        default=None, examples=["req-safe"], description="Your id for this request; echoed back."
    )

    def features(self) -> dict[str, Any]:
        """What the model is given, by name, in the order of `FEATURE_NAMES`; `model_dump` takes 20 times as long."""
        values = self.__dict__.copy()
        del values["request_id"]
        return values


@dataclass(frozen=True)
class NumericFeature:
    """A number that the model takes; `minimum` and `maximum` are inclusive."""

    name: str
    minimum: float
    maximum: float
    integer: bool


@dataclass(frozen=True)
class CategoricalFeature:
    """A text that the model takes as a category; `case` is what it is normalised to."""

    name: str
    case: Literal["lower", "upper"]
    max_length: int

    def normalise(self, text: str) -> str:
        """The form in which the model knows this category; raises what `Category.uniform` raises."""
        return Category(self.case, self.max_length).uniform(text)


def _derive_features() -> tuple[tuple[NumericFeature, ...], tuple[CategoricalFeature, ...]]:
    numeric: list[NumericFeature] = []
    categorical: list[CategoricalFeature] = []
    for name, field in Customer.model_fields.items():
        if name == "request_id":
            continue
        limits = {key: value for item in field.metadata for key, value in _limits(item).items()}
        if field.annotation is str:
            categorical.append(CategoricalFeature(name, limits["case"], limits["max_length"]))
        else:
            integer = field.annotation is int
            numeric.append(NumericFeature(name, float(limits["ge"]), float(limits["le"]), integer))
    return tuple(numeric), tuple(categorical)


def _limits(constraint: object) -> dict[str, Any]:
    names = ("ge", "le", "case", "max_length")
    found = {name: getattr(constraint, name, None) for name in names}
    return {name: value for name, value in found.items() if value is not None and value is not PydanticUndefined}


NUMERIC_FEATURES, CATEGORICAL_FEATURES = _derive_features()
NUMERIC_NAMES = tuple(feature.name for feature in NUMERIC_FEATURES)
CATEGORICAL_NAMES = tuple(feature.name for feature in CATEGORICAL_FEATURES)
FEATURE_NAMES = NUMERIC_NAMES + CATEGORICAL_NAMES
"""The features in the order of a training file's columns."""


class Features(TypedDict):
    """The features as the model saw them: trimmed and normalised."""

    tenure_months: int
    num_complaints: int
    avg_session_minutes: float
    plan_type: str
    region: str


class Prediction(BaseModel):
    """One answer of the model. `prediction` is 1 (churns) when `probability >= threshold`, else 0."""

    model_config = ConfigDict(protected_namespaces=())

    request_id: str
    model_version: str = Field(description="BentoML tag of the model that answered.")
    prediction: Literal[0, 1]
    probability: float = Field(ge=0, le=1)
    threshold: float = Field(ge=0, le=1)
    latency_ms: float = Field(ge=0, description="Time from the parsed request to the answer.")
    features: Features
    ts: str = Field(description="UTC time of the answer, ISO 8601.")
    warnings: list[str] = Field(description="Categories that the model's training did not see.")


def parse_customer(body: bytes) -> Customer:
    """Read a customer from JSON in UTF-8; a byte order mark is ignored.

    Raises:
        RecordError: the body is not JSON, or not a valid record; `problems` says where and why.
    """
    try:
        return Customer.model_validate_json(body.removeprefix(UTF8_MARK))
    except ValidationError as invalid:
        error = other_encoding(body) or record_error(invalid)
        del error.problems[MAX_PROBLEMS:]
        raise error from None


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
    return {"loc": place, "msg": message, "type": detail["type"]}
