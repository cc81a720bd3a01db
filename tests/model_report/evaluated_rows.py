"""Evaluated rows of many kinds: ties, one probability only, few rows, copies of customers."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from churn.evaluation import Predictions


def sample(rows, seed, levels=None):
    """Targets of both classes, and probabilities: many are equal where levels are few, all where there is none."""
    rng = np.random.default_rng(seed)
    probability = rng.beta(1, 2, rows)
    target = (rng.random(rows) < probability).astype(np.int8)
    target[:2] = 0, 1
    if levels is not None:
        probability = np.round(probability * levels) / levels if levels else np.full(rows, 0.3)
    return target, probability


def predicted(target, probability, customer=None, frame=None, threshold=0.5):
    target, probability = np.asarray(target, dtype=np.int8), np.asarray(probability, dtype=float)
    decision = (probability >= threshold).astype(np.int8)
    return Predictions("a test", pd.DataFrame() if frame is None else frame, target, probability, decision, customer)


WILD = st.builds(
    sample,
    st.integers(2, 150),
    st.integers(0, 2**32 - 1),
    st.sampled_from([None, 0, 1, 4, 50]),
)
