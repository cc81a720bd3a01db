"""The OpenAPI document of every route that the service answers, BentoML's own included (`GET /docs.json`)."""

from typing import Any, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from churn.schema.record import CATEGORICAL_NAMES, Customer, Prediction
from churn.scoring.batch import Batch, BatchPrediction

type Json = dict[str, Any]

_REFERENCE = "#/components/schemas/{model}"


class Detail(BaseModel):
    """One thing that is wrong: where, what, and its machine-readable kind."""

    loc: list[str | int]
    msg: str
    type: str


class Error(BaseModel):
    """The one shape of every error."""

    error: str = Field(description="Short reason.")
    detail: list[Detail]


class Pending(BaseModel):
    """What the pointer names and is not served."""

    model_tag: str | None = Field(description="Absent where the pointer cannot be read.")
    reason: str


class Health(BaseModel):
    """Alive; `detail` says what is wrong, if anything is."""

    status: Literal["ok", "error"]
    current_model: str | None = None
    detail: str | None = None
    pending: Pending | None = None


class Readiness(BaseModel):
    """A model is loaded and gave its golden predictions."""

    status: Literal["ready"]
    current_model: str


class Startup(BaseModel):
    """The service has started."""

    status: Literal["ok"]
    current_model: str


def openapi_document(version: str, *, predict_token: bool = False) -> Json:
    """The document, OpenAPI 3.1.

    Args:
        version: of the service.
        predict_token: whether predictions need a token.

    """
    models = [(model, "serialization") for model in (Prediction, BatchPrediction, Error, Health, Readiness, Startup)]
    _, definitions = models_json_schema(
        [(Customer, "validation"), (Batch, "validation"), *models],  # type: ignore[list-item]  # the literal's type is widened in the list
        ref_template=_REFERENCE,
    )
    schemas = definitions["$defs"]
    for feature in CATEGORICAL_NAMES:
        # These are trimmed before they are checked, so that blanks alone are nothing.
        schemas["Customer"]["properties"][feature]["pattern"] = _NOT_BLANK
    return {
        "openapi": "3.1.0",
        "info": {"title": "churn-api", "version": version, "description": _DESCRIPTION},
        "servers": [{"url": "."}],
        "paths": {**_own_paths(predict_token=predict_token), **_bentoml_paths()},
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "monitoring": {"type": "http", "scheme": "bearer", "description": "MONITORING_TOKEN"},
                "predict": {"type": "http", "scheme": "bearer", "description": "CHURN_PREDICT_TOKEN"},
            },
        },
    }


def _own_paths(*, predict_token: bool) -> Json:
    drift = _get("drift", "The latest drift report", {"type": "object"}, "401", "404", "429", "500")
    drift["responses"]["200"]["content"]["text/html"] = {"schema": {"type": "string"}}
    drift["security"] = [{"monitoring": []}]
    model = _get("model", "The served model's card", {"type": "object"}, "503")
    predict = _post("predict", "Probability that a customer churns, and the decision", Customer, Prediction)
    batch = _post("predict_batch", "The same for 1 to 10,000 customers, all or nothing", Batch, BatchPrediction)
    if predict_token:
        for operation in (model, predict, batch):
            operation["security"] = [{"predict": []}]
            operation["responses"].update(_errors("401"))
    return {
        "/predict": {"post": predict},
        "/predict/batch": {"post": batch},
        "/health": {"get": _get("health", "Alive while the process lives", _ref("Health"))},
        "/ready": {"get": _get("ready", "A model is loaded and checked", _ref("Readiness"), "503")},
        "/startup": {"get": _get("startup", "The first model is loaded", _ref("Startup"), "503")},
        "/model": {"get": model},
        "/drift": {"get": drift},
        "/docs.json": {"get": _get("docs", "This document", {"type": "object"})},
    }


def _bentoml_paths() -> Json:
    return {
        "/": {"get": _text("page", "BentoML: a page on which to try the routes", "text/html")},
        "/livez": {"get": _text("livez", "BentoML: alive")},
        "/healthz": {"get": _text("healthz", "BentoML: alive")},
        "/readyz": {"get": _text("readyz", "BentoML: a model is loaded", "text/plain", "503")},
        "/metrics": {"get": _text("metrics", "Prometheus metrics")},
        "/schema.json": {"get": _get("schema", "What BentoML's Python client reads", {"type": "object"})},
    }


def _text(name: str, summary: str, content_type: str = "text/plain", *errors: str) -> Json:
    ok = {"description": summary, "content": {content_type: {"schema": {"type": "string"}}}}
    return {"operationId": name, "summary": summary, "responses": {"200": ok, **_errors(*_ANY_ROUTE, *errors)}}


def _post(name: str, summary: str, body: type[BaseModel], answer: type[BaseModel]) -> Json:
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [_REQUEST_ID],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(body.__name__)}}},
        "responses": {
            "200": _response(summary, _ref(answer.__name__), _REQUEST_ID_HEADER),
            **_errors(*_ANY_ROUTE, "413", "415", "429", "500", "503"),
        },
    }


def _get(name: str, summary: str, schema: Json, *errors: str) -> Json:
    responses = {"200": _response(summary, schema, _REQUEST_ID_HEADER), **_errors(*_ANY_ROUTE, *errors)}
    return {"operationId": name, "summary": summary, "responses": responses}


def _ref(model: str) -> Json:
    return {"$ref": _REFERENCE.format(model=model)}


def _response(description: str, schema: Json, headers: Json) -> Json:
    return {"description": description, "headers": headers, "content": {"application/json": {"schema": schema}}}


def _errors(*statuses: str) -> Json:
    return {
        status: _response(_ERROR_TEXT[status], _ref("Error"), _ERROR_HEADERS.get(status, {}))
        for status in sorted(statuses)
    }


_DESCRIPTION = """Predicts whether a customer will churn.

Every error has one shape, `Error`. Any route may answer 400 to what is not HTTP, 404 to an unknown path, 405 (with
`Allow`) to another method, 408 to a request that does not arrive in time, 431 to a head that is too large, and 501 to
a transfer coding other than chunked."""
_ANY_ROUTE = ("400", "408", "431", "501")
_LINE = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_NOT_BLANK = rf"^[^{_LINE}]*[^{_LINE}\s][^{_LINE}]*$"
_ERROR_TEXT = {
    "400": "Malformed or invalid; `detail` says where and why",
    "401": "The token is missing or wrong",
    "404": "There is none",
    "408": "The request did not arrive whole in time",
    "413": "The body is too large",
    "415": "The body is not declared as JSON, or is encoded; then `Accept-Encoding` says what is taken",
    "429": "Too much is being worked on; try again after `Retry-After` seconds",
    "431": "The request's head is too large",
    "500": "The service failed; its log has the details",
    "501": "The transfer coding is not supported",
    "503": "No model is loaded, or the process is about to end; `detail` says why",
}
_ERROR_HEADERS: dict[str, Json] = {
    "401": {"WWW-Authenticate": {"schema": {"type": "string"}}},
    "415": {"Accept-Encoding": {"schema": {"type": "string"}}},
    "429": {"Retry-After": {"schema": {"type": "integer"}}},
}
_REQUEST_ID_HEADER: Json = {"X-Request-ID": {"schema": {"type": "string", "minLength": 1}}}
_REQUEST_ID: Json = {
    "name": "X-Request-ID",
    "in": "header",
    "description": "Used where the record has no `request_id`, if it is 1 to 128 printable ASCII characters.",
    "schema": {"type": "string"},
}
