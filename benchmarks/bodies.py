"""One record as each protocol wants it."""

from typing import Any

from table import Record


def open_inference(record: Record) -> dict[str, Any]:
    """The Open Inference Protocol, as MLServer takes a pandas frame."""
    inputs = []
    for name, value in record.items():
        text = isinstance(value, str)
        column = {"name": name, "shape": [1, 1], "datatype": "BYTES" if text else "FP64", "data": [value]}
        inputs.append(column | ({"parameters": {"content_type": "str"}} if text else {}))
    return {"parameters": {"content_type": "pd"}, "inputs": inputs, "outputs": [{"name": "predict_proba"}]}


def instances(record: Record) -> dict[str, Any]:
    """KServe's first protocol."""
    return {"instances": [record]}


def dataframe_split(record: Record) -> dict[str, Any]:
    """MLflow's: column names once, then rows."""
    return {"dataframe_split": {"columns": list(record), "data": [list(record.values())]}}
