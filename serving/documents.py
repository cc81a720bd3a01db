"""The documents that follow the model in service: OpenAPI's, and the one that BentoML's Python client reads."""

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import orjson

from churn.errors import SchemaError
from churn.model.scorer import Scorer
from churn.schema.definition import Schema
from churn.schema.json_schema import Json
from churn.schema.reading import bundled_schema, default_schema, read_schema
from churn.settings import Settings
from serving.openapi import openapi_document

log = logging.getLogger("churn.documents")


class Pair(NamedTuple):
    """Both documents of one schema, as JSON.

    Attributes:
        openapi: of `GET /docs.json`.
        client: of `GET /schema.json`.

    """

    openapi: bytes
    client: bytes


class Documents:
    """Makes the documents, once for each model.

    Args:
        settings: of the service.
        bento: the version of the Bento that runs.
        bentoml_schema: what BentoML's client would read without us, made of the signatures in service.py.

    """

    def __init__(self, settings: Settings, bento: str, bentoml_schema: Mapping[str, Any]) -> None:
        self._settings = settings
        self._bento = bento
        self._bentoml_schema = bentoml_schema
        self._made: WeakKeyDictionary[Scorer, Pair] = WeakKeyDictionary()  # a replaced model is let go
        self._problem: str | None = None

    def of(self, scorer: Scorer) -> Pair:
        """Those of a model."""
        if (made := self._made.get(scorer)) is None:
            made = self._made[scorer] = self._make(scorer.schema, scorer.card, scorer.tag)
        return made

    def without_model(self) -> Pair:
        """Those of the schema that training would use now; of the bundled one where that cannot be read."""
        try:
            schema = read_schema(default_schema(self._settings.home))
            self._problem = None
        except (SchemaError, OSError) as error:
            if str(error) != self._problem:  # said once, not at each request
                self._problem = str(error)
                log.warning("schema cannot be used; the bundled one is shown", extra={"reason": self._problem})
            schema = bundled_schema()
        return self._make(schema, None, None)

    def _make(self, schema: Schema, card: Mapping[str, Any] | None, tag: str | None) -> Pair:
        token = self._settings.predict.asked_for
        openapi = openapi_document(schema, card, tag=tag, bento=self._bento, predict_token=token)
        return Pair(orjson.dumps(openapi), orjson.dumps(_client_schema(self._bentoml_schema, openapi)))


def _client_schema(bentoml_schema: Mapping[str, Any], openapi: Json) -> Json:
    """BentoML's own, with the records of this schema as input.

    They stand in an `allOf`: of `properties` of its input, the client would check the names itself and drop those of a
    batch, so that one that was made before a swap to another schema could not send the records of that schema.
    """
    schemas = openapi["components"]["schemas"]
    record, batch = schemas["Customer"], schemas["Batch"]
    customers = batch["properties"]["customers"] | {"items": record}
    inputs = {"predict": record, "predict_batch": batch | {"properties": {"customers": customers}}}
    routes = [
        route | {"input": {"type": "object", "root_input": True, "allOf": [inputs[route["name"]]]}}
        for route in bentoml_schema["routes"]
    ]
    return {**bentoml_schema, "routes": routes}
