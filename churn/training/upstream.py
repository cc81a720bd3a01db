"""scikit-learn 1.7: what it does not promise and is used here.

`HistGradientBoostingClassifier._predictors`, the nodes of its trees, and `_baseline_prediction`, the log-odds to
which they add: reasons are made of both, and there is no public way to either. And ONNX would round a threshold to
the nearest 32-bit number, which may be above it; then a customer who lies between the two takes another branch than
in training. skl2onnx reads the nodes there too. The rounding goes when scikit-learn has trees of 32-bit thresholds,
or skl2onnx rounds them down.

Here and not in serving/upstream: the service must import neither scikit-learn nor anything of training.
"""

import copy

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline


def with_thresholds_in_32_bits(pipeline: Pipeline) -> Pipeline:
    """A copy whose trees split at 32-bit numbers and send every 32-bit input the same way."""
    pipeline = copy.deepcopy(pipeline)
    for iteration in getattr(pipeline["classifier"], "_predictors", ()):
        for tree in iteration:
            threshold = tree.nodes["num_threshold"]
            nearest = threshold.astype(np.float32)
            below = np.nextafter(nearest, np.float32(-np.inf))
            tree.nodes["num_threshold"] = np.where(nearest > threshold, below, nearest)
    return pipeline


def baseline_of(classifier: HistGradientBoostingClassifier) -> float:
    """The log-odds to which the trees add."""
    return float(classifier._baseline_prediction.item())


def trees_of(classifier: HistGradientBoostingClassifier) -> list[npt.NDArray[np.void]]:
    """The nodes of each tree, the root first, as scikit-learn's `PREDICTOR_RECORD_DTYPE` names their fields."""
    return [tree.nodes for iteration in classifier._predictors for tree in iteration]
