"""ONNX export of a model, checked row by row against the scikit-learn pipeline."""

import copy

import numpy as np
import pandas as pd
from onnx import ModelProto, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.pipeline import Pipeline

from churn.errors import TrainingError
from churn.metrics import Floats
from churn.model.scorer import Scorer
from churn.schema.definition import Schema
from churn.schema.record import RECORD_VERSION
from churn.training.encoding import CASTS
from churn.training.pipeline import TrainedModel
from churn.training.upstream import with_thresholds_in_32_bits

TOLERANCE = 1e-5
"""The two forms compute in 64 and 32 bits: they agree to about 2e-7."""
_OPSETS = {"": 18, "ai.onnx.ml": 3}


def export_onnx(model: TrainedModel) -> bytes:
    """The model as ONNX, output `probabilities` [n, 2].

    Inputs are `numbers`, float32, and `categories`, text, both [n, the schema's features of that kind]; one of which it
    has none is left out.
    """
    schema = model.inputs.schema
    inputs = [("numbers", FloatTensorType([None, len(schema.numbers)]))] if schema.numbers else []
    inputs += [("categories", StringTensorType([None, len(schema.categories)]))] if schema.categories else []
    pipeline = with_thresholds_in_32_bits(_for_typed_inputs(model.pipeline, schema))
    options = {id(pipeline["classifier"]): {"zipmap": False, "raw_scores": True}}
    onnx = to_onnx(pipeline, initial_types=inputs, options=options, target_opset=_OPSETS)
    _make_probabilities(onnx)
    serialised: bytes = onnx.SerializeToString()
    return serialised


def _make_probabilities(onnx: ModelProto) -> None:
    """Turn the output, log-odds [-x, x] for each customer, into probabilities: the softmax of [-x/2, x/2].

    ONNX Runtime's own would be 1 - 1 / (1 + exp(x)) where x < 0, in 32 bits. Of a probability of 0.001 the log-odds are
    then off by 5e-5, and do not fit its reasons. This costs 0.8 us a call.
    """
    graph = onnx.graph
    classifier = next(node for node in graph.node if "probabilities" in node.output)
    classifier.output[list(classifier.output).index("probabilities")] = "log_odds"
    graph.initializer.append(numpy_helper.from_array(np.array(0.5, np.float32), "half"))
    graph.node.append(helper.make_node("Mul", ["log_odds", "half"], ["half_log_odds"]))
    graph.node.append(helper.make_node("Softmax", ["half_log_odds"], ["probabilities"], axis=-1))


def _for_typed_inputs(pipeline: Pipeline, schema: Schema) -> Pipeline:
    """A copy for all numbers, then all categories, which have their types already; ONNX has no casts of these kinds."""
    pipeline = copy.deepcopy(pipeline)
    encoder = pipeline["encoder"]
    served = (*schema.number_names, *schema.category_names)
    place = [served.index(name) for name in schema.feature_names]
    encoder.transformers_ = [
        (name, _without_casts(part), [place[column] for column in columns])
        for name, part, columns in encoder.transformers_
        if part != "drop"
    ]
    return pipeline


def _without_casts(part: Pipeline) -> Pipeline | str:
    steps = [step for step in part.steps if step[0] not in CASTS]
    return Pipeline(steps) if steps else "passthrough"


def check_parity(model: TrainedModel, onnx: bytes) -> float:
    """The largest difference of the two forms' probabilities over all evaluated rows.

    Raises:
        TrainingError: it is more than `TOLERANCE`; the first such customer is named.
    """
    frame = model.predictions.frame
    expected = model.pipeline.predict_proba(frame)[:, 1]
    served = score_frame(candidate_scorer(model, onnx), frame)
    difference = np.abs(expected - served)
    worst = int(np.argmax(difference))
    if not difference[worst] <= TOLERANCE:
        customer = frame.iloc[worst].to_dict()
        raise TrainingError(
            f"the ONNX form disagrees with scikit-learn: {served[worst]:.6f} instead of {expected[worst]:.6f} "
            f"for {customer}; the model is not saved"
        )
    return float(difference[worst])


def candidate_scorer(model: TrainedModel, onnx: bytes) -> Scorer:
    """A model that is not stored yet, as the service would load it."""
    card = {"schema_version": RECORD_VERSION, "threshold": model.threshold, "categories": model.inputs.categories}
    return Scorer("candidate", onnx, card, model.inputs.schema)


def score_frame(scorer: Scorer, frame: pd.DataFrame) -> Floats:
    """[n] probabilities of churn by a loaded model, of [n] customers as `Dataset.frame` holds them."""
    numbers = frame[list(scorer.schema.number_names)].to_numpy(np.float32)
    categories = frame[list(scorer.schema.category_names)].astype(object).to_numpy()
    return scorer.score_columns(numbers, categories).astype(np.float64)
