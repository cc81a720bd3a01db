"""Which rows a model was fitted on: known again, of a large set in part, and never read from other content."""

import numpy as np
import pandas as pd
import pytest

from churn.data.dataset import simulate
from churn.errors import ModelInvalid
from churn.training import leakage as training_rows
from churn.training.leakage import TrainingRows


@pytest.fixture(scope="module")
def sample():
    return simulate(1200, 11)


def test_training_rows_are_known_again_and_others_are_not(sample):
    frame, _, _ = sample
    known = TrainingRows.from_bytes(TrainingRows.of(frame[:600]).to_bytes())
    assert known.absent(frame).tolist() == [False] * 600 + [True] * 600
    text = frame.astype({"plan_type": object, "region": object})
    text["tenure_months"] = text["tenure_months"].astype(np.int64)  # the same customers, read another way
    assert known.absent(text).tolist() == known.absent(frame).tolist()


def test_a_missing_number_is_a_value_like_others():
    frame = pd.DataFrame(
        {
            "tenure_months": [1.0, np.nan, 1.0],
            "num_complaints": [0.0, 0.0, -0.0],
            "avg_session_minutes": [5.5, 5.5, 5.5],
            "plan_type": ["basic"] * 3,
            "region": ["", "EU", ""],
        }
    )
    assert TrainingRows.of(frame[:2]).absent(frame).tolist() == [False, False, False]
    assert TrainingRows.of(frame[:1]).absent(frame).tolist() == [False, True, False]


def test_of_a_large_set_a_part_is_stored_and_only_what_it_decides_counts(sample, monkeypatch):
    frame, _, _ = sample
    monkeypatch.setattr(training_rows, "MAX_DIGESTS", 200)
    known = TrainingRows.of(frame[:800])
    assert len(known.digests) == 200
    absent = known.absent(frame)
    assert not absent[:800].any()
    assert 60 <= absent[800:].sum() <= 140  # a quarter of 400: the set's 200 of 800


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x93NUMPY", "pickle", "floats", "unsorted"])
def test_other_content_is_refused(content, tmp_path):
    arrays = {
        "pickle": np.array([{}], dtype=object),
        "floats": np.array([0.5]),
        "unsorted": np.array([2, 1], dtype=np.uint64),
    }
    if isinstance(content, str):
        np.save(tmp_path / "x.npy", arrays[content], allow_pickle=True)
        content = (tmp_path / "x.npy").read_bytes()
    with pytest.raises(ModelInvalid, match=r"training_rows\.npy"):
        TrainingRows.from_bytes(content)
