"""Routes, the record of the bundled schema, and the statuses of errors, from the OpenAPI document."""

import json
from typing import Any

from churn.schema.json_schema import example_record
from churn.schema.reading import bundled_schema
from serving.openapi import openapi_document
from serving.routes import GROUPS, ROUTES, Route


def facts() -> dict[str, Any]:
    """The texts of the page."""
    schema = bundled_schema()
    document = openapi_document(schema, bento="source", predict_token=True)
    customer = document["components"]["schemas"]["Customer"]
    responses = document["components"]["responses"]
    errors = {name.removeprefix("Error"): response["description"] for name, response in responses.items()}
    return {
        "groups": {
            group: [_described(route, document) for route in ROUTES if route.group == group] for group in GROUPS
        },
        "fields": [_field(name, given, customer["required"]) for name, given in customer["properties"].items()],
        "errors": [(status, text) for status, text in sorted(errors.items()) if status],
        "any_route": document["info"]["description"].partition("\n\n")[2].replace("\n", " "),
        "tokens": {"": "", "monitoring": "`MONITORING_TOKEN`", "predict": "`CHURN_PREDICT_TOKEN`, if set"},
        "example": json.dumps(example_record(schema)),
    }


def _described(route: Route, document: dict[str, Any]) -> dict[str, Any]:
    operation = document["paths"][route.path][route.method.lower()]
    return {
        "name": f"{route.method} {route.path}",
        "text": f"{operation['summary']}. {operation.get('description', '')}".strip(),
        "statuses": [status for status in sorted(operation["responses"]) if status != "default"],
        "token": next((scheme for item in operation.get("security", []) for scheme in item), ""),
    }


def _field(name: str, given: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"name": name, "required": name in required, **given}
