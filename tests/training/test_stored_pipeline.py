"""`model.skops` for people: raw frames in, the probabilities that the service gives out."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io

from churn.data.dataset import Dataset, simulate
from churn.schema.reading import bundled_schema
from churn.training.export import TOLERANCE, candidate_scorer, export_onnx
from churn.training.model_files import PIPELINE_TYPES, model_files
from churn.training.pipeline import train_model

SCHEMA = bundled_schema()
ROWS = 30_000
FRESH = f"""
import sys
import numpy, pandas, skops.io
frame = pandas.read_csv("raw.csv", keep_default_na=False)
numpy.save("probabilities.npy", skops.io.load("model.skops", trusted={PIPELINE_TYPES}).predict_proba(frame)[:, 1])
assert not [name for name in sys.modules if name.split(".")[0] in ("churn", "serving")]
"""


class Stored:
    """A trained model as it is stored, and the same one as it is served."""

    def __init__(self, estimator):
        frame, target, _ = simulate(1200, 1)
        data, holdout = (
            Dataset(Path("simulated.csv"), "0" * 64, frame.iloc[rows], target[rows], SCHEMA)
            for rows in (slice(1000), slice(1000, 1200))
        )
        model = train_model(data, estimator=estimator, seed=3, holdout=holdout)
        onnx = export_onnx(model)
        self.content = model_files(model, onnx, data, {"seed": 3})["model.skops"]
        self.pipeline = skops.io.loads(self.content, trusted=PIPELINE_TYPES)
        self.scorer = candidate_scorer(model, onnx)

    def served(self, frame):
        """The probabilities of the service, to which a number comes in 64 bits and a missing category as ""."""
        numbers = np.array([[float(value) for value in frame[name]] for name in SCHEMA.number_names], np.float32).T
        texts = frame[list(SCHEMA.category_names)].astype(object)
        return self.scorer.score_columns(numbers, texts.where(texts.notna(), "").to_numpy(object))

    def raw(self, frame):
        return self.pipeline.predict_proba(frame)[:, 1]

    def splits(self, feature):
        """The numbers at which the trees split, in 64 bits."""
        predictors = getattr(self.pipeline["classifier"], "_predictors", ())
        nodes = np.concatenate([tree.nodes for iteration in predictors for tree in iteration])
        return np.unique(nodes["num_threshold"][(nodes["feature_idx"] == feature) & (nodes["is_leaf"] == 0)])


@pytest.fixture(scope="module")
def boosting():
    return Stored("hist-gradient-boosting")


@pytest.fixture(scope="module")
def logistic():
    return Stored("logistic")


def random_rows(rows=ROWS):
    rng = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "tenure_months": rng.integers(0, 201, rows),
            "num_complaints": rng.integers(0, 51, rows),
            "avg_session_minutes": rng.uniform(0, 500, rows),
            "plan_type": rng.choice(["basic", "premium", "gold"], rows),
            "region": rng.choice(["EU", "NA", "AF", "AS", "MARS"], rows),
        }
    )


def near(splits):
    """Each split, and its neighbours in 64 and in 32 bits."""
    single = splits.astype(np.float32)
    values = [splits, *(np.nextafter(splits, way) for way in (-np.inf, np.inf))]
    values += [single, *(np.nextafter(single, np.float32(way)) for way in (-np.inf, np.inf))]
    return np.concatenate([value.astype(np.float64) for value in values])


def test_boosting_gives_the_services_probabilities_at_every_split(boosting):
    frame, rng = random_rows(), np.random.default_rng(8)
    for feature, name in enumerate(SCHEMA.number_names):
        values = near(boosting.splits(feature))
        frame[name] = np.where(rng.random(ROWS) < 0.7, np.resize(rng.permutation(values), ROWS), frame[name])
        assert np.isin(values, frame[name]).all()
    served = boosting.served(frame)
    assert np.ptp(served) > 0.3
    assert np.abs(boosting.raw(frame) - served).max() <= TOLERANCE


@pytest.mark.parametrize("model", ["boosting", "logistic"])
def test_raw_rows_of_any_type_give_the_services_probabilities(model, request):
    stored, frame = request.getfixturevalue(model), random_rows()
    served = stored.served(frame)
    frames = {
        "ints, floats and objects": frame,
        "numbers in 32 bits": frame.astype(dict.fromkeys(SCHEMA.number_names, np.float32)),
        "categories": frame.astype(dict.fromkeys(SCHEMA.category_names, "category")),
        "numbers as objects": frame.astype(dict.fromkeys(SCHEMA.number_names, object)),
        "pandas' own types": frame.convert_dtypes(),
        "other columns, in another order": frame.assign(churn=0)[["churn", *reversed(SCHEMA.feature_names)]],
    }
    for kind, raw in frames.items():
        assert np.abs(stored.raw(raw) - served).max() <= TOLERANCE, kind


@pytest.mark.parametrize("model", ["boosting", "logistic"])
def test_missing_values_are_those_of_training(model, request):
    stored, frame = request.getfixturevalue(model), random_rows(40)
    missing = frame.astype(object)
    for index, name in enumerate(SCHEMA.number_names):
        missing.loc[index::5, name] = np.nan
    for index, name in enumerate(SCHEMA.category_names):
        missing.loc[index::3, name] = ""
    served = stored.served(missing)
    missing = missing.astype(dict.fromkeys(SCHEMA.number_names, float))
    for gap in ("", None, np.nan, pd.NA):
        texts = missing[list(SCHEMA.category_names)].map(lambda text, gap=gap: gap if text == "" else text)
        raw = missing.assign(**texts)
        for raw_type in (raw, raw.astype(dict.fromkeys(SCHEMA.category_names, "category")), raw.convert_dtypes()):
            assert np.abs(stored.raw(raw_type) - served).max() <= TOLERANCE, repr(gap)
        alone = [stored.raw(pd.DataFrame([row]))[0] for row in raw.head(6).to_dict("records")]
        assert np.abs(np.array(alone) - served[:6]).max() <= TOLERANCE, repr(gap)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["boosting", "logistic"])
def test_it_loads_where_this_project_is_not(model, request, tmp_path):
    stored, frame = request.getfixturevalue(model), random_rows(2000)
    (tmp_path / "model.skops").write_bytes(stored.content)
    frame.to_csv(tmp_path / "raw.csv", index=False)
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", FRESH], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert np.abs(np.load(tmp_path / "probabilities.npy") - stored.served(frame)).max() <= TOLERANCE


def test_it_names_its_columns(logistic):
    names = logistic.pipeline["encoder"].get_feature_names_out().tolist()
    assert names[:4] == [*(f"numbers__{name}" for name in SCHEMA.number_names), "categories__plan_type_basic"]
