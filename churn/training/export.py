"""ONNX export of a model, checked row by row against the scikit-learn pipeline."""

import copy

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from churn.errors import TrainingError
from churn.schema.record import CATEGORICAL_NAMES, FEATURE_NAMES, NUMERIC_NAMES, SCHEMA_VERSION
from churn.scoring.scorer import Scorer
from churn.training.pipeline import TrainedModel
from churn.training.upstream import with_thresholds_in_32_bits

TOLERANCE = 1e-5
"""The two forms compute in 64 and 32 bits: they agree to about 2e-7."""
_OPSETS = {"": 18, "ai.onnx.ml": 3}


def export_onnx(model: TrainedModel) -> bytes:
    """The model as ONNX: inputs `numbers` float32 [n, 3] and `categories` text [n, 2], output `probabilities`."""
    inputs = [
        ("numbers", FloatTensorType([None, len(NUMERIC_NAMES)])),
        ("categories", StringTensorType([None, len(CATEGORICAL_NAMES)])),
    ]
    pipeline = with_thresholds_in_32_bits(_without_casts(model.pipeline))
    options = {id(pipeline["classifier"]): {"zipmap": False}}
    onnx = to_onnx(pipeline, initial_types=inputs, options=options, target_opset=_OPSETS)
    serialised: bytes = onnx.SerializeToString()
    return serialised


def _without_casts(pipeline: Pipeline) -> Pipeline:
    """A copy for inputs that have their types already; ONNX has no such step."""
    pipeline = copy.deepcopy(pipeline)
    for part in pipeline["encoder"].named_transformers_.values():
        part.steps = [step for step in part.steps if not isinstance(step[1], FunctionTransformer)]
    return pipeline


def check_parity(model: TrainedModel, onnx: bytes) -> float:
    """The largest difference of the two forms' probabilities over all evaluated rows.

    Raises:
        TrainingError: it is more than `TOLERANCE`; the first such customer is named.
    """
    frame = model.predictions.frame
    expected = model.pipeline.predict_proba(frame)[:, 1]
    card = {"schema_version": SCHEMA_VERSION, "threshold": model.threshold, "categories": model.categories}
    numbers = frame[list(NUMERIC_NAMES)].to_numpy(np.float32)
    categories = frame[list(CATEGORICAL_NAMES)].astype(object).to_numpy()
    served = Scorer("candidate", onnx, card).score_columns(numbers, categories)
    difference = np.abs(expected - served)
    worst = int(np.argmax(difference))
    if not difference[worst] <= TOLERANCE:
        customer = frame.iloc[worst][list(FEATURE_NAMES)].to_dict()
        raise TrainingError(
            f"the ONNX form disagrees with scikit-learn: {served[worst]:.6f} instead of {expected[worst]:.6f} "
            f"for {customer}; the model is not saved"
        )
    return float(difference[worst])
