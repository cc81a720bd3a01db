"""The record as the alternatives validate it: a pydantic class made of the schema that the model carries."""

import os
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, create_model

SCHEMA = tomllib.loads((Path(os.environ["BENCH_MODEL"]) / "schema.toml").read_text())
TYPES = {"integer": int, "number": float, "boolean": bool, "category": str}


def field(feature: dict) -> tuple:
    kind = TYPES[feature["kind"]]
    rules = {"ge": feature.get("minimum"), "le": feature.get("maximum")}
    if kind is str:
        rules = {"min_length": 1, "max_length": feature.get("max_length", 64)}
    kind = Annotated[kind, Field(**rules)]
    return (kind | None, None) if feature.get("missing") == "impute" else (kind, ...)


fields = {feature["name"]: field(feature) for feature in SCHEMA["feature"]}
Customer: type[BaseModel] = create_model("Customer", **fields, request_id=(str | None, None))
