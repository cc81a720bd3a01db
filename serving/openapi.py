"""The OpenAPI document of every route, BentoML's own included (`GET /docs.json`)."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from churn import __version__
from churn.schema.definition import Schema
from churn.schema.feature import REQUEST_ID
from churn.schema.json_schema import Json, example_record, features_schema, record_schema
from churn.scoring.batch import Batch
from serving.routes import GROUPS, ROUTES, Error, Route

_JSON = "application/json"
_BINARY: Json = {}
"""OpenAPI 3.1 describes bytes by their content type alone."""
_REFERENCE = "#/components/schemas/{model}"


def openapi_document(
    schema: Schema,
    card: Mapping[str, Any] | None = None,
    *,
    tag: str | None = None,
    bento: str,
    predict_token: bool = False,
) -> Json:
    """The document, OpenAPI 3.1.

    Args:
        schema: of the records that are taken.
        card: of the model in service, from which the example is taken where the schema has none.
        tag: of that model.
        bento: the version of the Bento that runs, `source` where there is none.
        predict_token: whether predictions need a token.

    """
    example = example_record(schema, card)
    info = {"title": "churn-api", "version": __version__, "description": f"{_whose(schema, tag)}{_DESCRIPTION}"}
    what = {"x-bento": bento, "x-model-version": tag, "x-schema": {"name": schema.name, "digest": schema.digest}}
    return {
        "openapi": "3.1.0",
        "info": info | what,
        "servers": [{"url": "."}],  # of the document's own address, so it holds behind a proxy's path prefix too
        "tags": [{"name": group} for group in GROUPS],
        "paths": {
            route.path: {route.method.lower(): _operation(route, example, predict_token=predict_token)}
            for route in ROUTES
        },
        "components": {
            "schemas": _schemas(schema, example),
            "responses": {_error_name(status): _error(status) for status in _ERROR_TEXT},
            "securitySchemes": {
                "monitoring": {"type": "http", "scheme": "bearer", "description": f"MONITORING_TOKEN{_BASIC}"},
                "predict": {"type": "http", "scheme": "bearer", "description": f"CHURN_PREDICT_TOKEN{_BASIC}"},
            },
        },
    }


def _whose(schema: Schema, tag: str | None) -> str:
    model = f"the model in service, {tag}" if tag else "the model that training would make; none is in service"
    return f"Predicts whether a customer will churn. Records are of the schema `{schema.name}`, that of {model}.\n"


def _schemas(schema: Schema, example: Json) -> Json:
    answers: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (route.answer, "serialization") for route in ROUTES if route.answer is not None
    ]
    schemas: Json = models_json_schema(
        [*answers, (Batch, "validation"), (Error, "serialization")], ref_template=_REFERENCE
    )[1]["$defs"]
    schemas["Batch"]["properties"]["customers"]["items"] = _ref("Customer")
    schemas["Prediction"]["properties"]["features"] = _ref("Features")
    return schemas | {"Customer": record_schema(schema, example), "Features": features_schema(schema)}


def _operation(route: Route, example: Json, *, predict_token: bool) -> Json:
    operation: Json = {
        "operationId": route.operation,
        "summary": route.summary,
        **({"description": route.detail} if route.detail else {}),
        "tags": [route.group],
        "responses": {"200": _answer(route), **_errors(*route.errors, "default")},
    }
    if route.body is not None:
        operation["parameters"] = [_REQUEST_ID, _EXPLAIN]
        shown = example | {REQUEST_ID: "req-safe"}
        content = {"schema": _ref(route.body), "example": {"customers": [shown]} if route.body == "Batch" else shown}
        others = {kind: {"schema": _BINARY} for kind in route.other_bodies}
        operation["requestBody"] = {"required": True, "content": {_JSON: content, **others}}
    if route.protected_by == "monitoring" or (route.protected_by == "predict" and predict_token):
        operation["security"] = [{route.protected_by: []}]
        operation["responses"].update(_errors("401"))
    return operation


def _answer(route: Route) -> Json:
    json: Json = {"type": "object"} if route.answer is None else _ref(route.answer.__name__)
    schemas = {_JSON: json} | dict.fromkeys(route.other_bodies, _BINARY)
    content = {kind: {"schema": schemas.get(kind, {"type": "string"})} for kind in route.content}
    headers = {"headers": _REQUEST_ID_HEADER} if _JSON in content else {}
    return {"description": route.summary, "content": content, **headers}


def _errors(*statuses: str) -> Json:
    return {status: {"$ref": f"#/components/responses/{_error_name(status)}"} for status in sorted(statuses)}


def _error_name(status: str) -> str:
    return f"Error{status.removeprefix('default')}"


def _error(status: str) -> Json:
    content = {_JSON: {"schema": _ref(Error.__name__)}}
    return {"description": _ERROR_TEXT[status], "headers": _ERROR_HEADERS.get(status, {}), "content": content}


def _ref(model: str) -> Json:
    return {"$ref": _REFERENCE.format(model=model)}


_DESCRIPTION = """
Every error has one shape, `Error`. Any route may answer 400 to what is not HTTP, 404 to an unknown path, 405 (with
`Allow`) to another method, 408 to a request that does not arrive in time, 431 to a head that is too large, and 501 to
a transfer coding other than chunked."""
_BASIC = ", or that token as the password of HTTP Basic, with any user name"
_ERROR_TEXT = {
    "400": "Malformed or invalid; `detail` says where and why",
    "401": "The token is missing or wrong",
    "404": "There is no report yet",
    "409": "The model in service was stored without reasons",
    "413": "The body is too large, or asks for more reasons than an answer holds",
    "415": "The body is not declared as a type that is taken, or is encoded; then `Accept-Encoding` says what is taken",
    "429": "Too much is being worked on; try again after `Retry-After` seconds",
    "500": "The service failed; its log has the details",
    "503": "No model is loaded, or the process is about to end; `detail` says why",
    "default": "Any other error, in the one shape of all",
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
_EXPLAIN: Json = {
    "name": "explain",
    "in": "query",
    "description": "Whether each prediction has its `reasons`. `1` and `0` mean `true` and `false`.",
    "schema": {"type": "boolean", "default": False},
}
