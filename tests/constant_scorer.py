"""Scorers of any schema without a training: a model of a kilobyte that gives every customer the same probability."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from churn.model.scorer import Scorer
from churn.schema.definition import Schema
from churn.schema.reading import parse_schema
from churn.schema.record import RECORD_VERSION

OTHER = parse_schema(
    b"""
version = 1
name = "other"
retired = ["points", "level"]
[target]
column = "left"
positive = ["yes"]
negative = ["no"]
[[feature]]
name = "class"
kind = "category"
[[feature]]
name = "items"
kind = "integer"
minimum = 0
maximum = 40
[[feature]]
name = "copy"
kind = "number"
missing = "impute"
[[feature]]
name = "get"
kind = "boolean"
[[feature]]
name = "keys"
kind = "category"
case = "upper"
max_length = 8
missing = "impute"
description = "Which keys."
example = "d"
""",
    "other",
)
"""A table with optional features and with names that Python gives to methods, or keeps for itself."""


def constant_scorer(schema: Schema, tag: str = "churn_model_v1:v1", probability: float = 0.25, **card) -> Scorer:
    known = {"categories": {name: ["A"] for name in schema.category_names}}
    card = {"schema_version": RECORD_VERSION, "threshold": 0.5, **known, **card}
    return Scorer(tag, _constant_model(schema, probability), card, schema)


def _constant_model(schema: Schema, probability: float) -> bytes:
    """Of the first input, nothing but the number of rows counts."""
    widths = {"numbers": len(schema.numbers), "categories": len(schema.categories)}
    kinds = {"numbers": TensorProto.FLOAT, "categories": TensorProto.STRING}
    inputs = [helper.make_tensor_value_info(name, kinds[name], [None, n]) for name, n in widths.items() if n]
    parts = {
        "first": np.array([0]),
        "answer": np.array([[1 - probability, probability]], np.float32),
        "two": np.array([2]),
    }
    nodes = [
        helper.make_node("Shape", [inputs[0].name], ["shape"]),
        helper.make_node("Gather", ["shape", "first"], ["rows"]),
        helper.make_node("Concat", ["rows", "two"], ["wanted"], axis=0),
        helper.make_node("Expand", ["answer", "wanted"], ["probabilities"]),
    ]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])]
    constants = [numpy_helper.from_array(value, name) for name, value in parts.items()]
    graph = helper.make_graph(nodes, "constant", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())
