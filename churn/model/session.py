"""ONNX Runtime session of a model, checked against its schema."""

import numpy as np
import onnxruntime as ort

from churn.errors import ModelInvalid
from churn.schema.definition import Schema

CURE = "retrain it, or promote another model"

type Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
type Categories = np.ndarray[tuple[int, ...], np.dtype[np.object_]]


def make_session(tag: str, onnx: bytes, schema: Schema) -> ort.InferenceSession:
    """A session with the inputs `numbers` and `categories`, or one of them where the schema has one kind only.

    Raises:
        ModelInvalid: the graph cannot be loaded, or has other inputs.
    """
    options = ort.SessionOptions()
    # One row costs about 20 us: handing it to another thread costs more, and idle pool threads spin.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - ONNX Runtime raises classes of its own, all derived from Exception only
        raise ModelInvalid(f"model {tag}: model.onnx cannot be loaded: {error}; {CURE}") from None
    inputs = {item.name: item.shape[-1] for item in session.get_inputs()}
    widths = {"numbers": len(schema.numbers), "categories": len(schema.categories)}
    expected = {name: width for name, width in widths.items() if width}
    if inputs != expected:
        raise ModelInvalid(f"model {tag}: model.onnx takes the inputs {inputs}, its schema gives {expected}; {CURE}")
    return session
