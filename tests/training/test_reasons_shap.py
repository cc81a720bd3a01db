"""Contributions beside those of the `shap` package: on thousands of rows of two tables, and on random records."""

import functools
import json

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from tables import all_nullable, few_rows, many_levels, rare_churn, wide

from churn.data.dataset import read_dataset, simulate
from churn.data.inference.proposal import propose_schema
from churn.model.scorer import Scorer
from churn.schema.reading import bundled_schema, parse_schema
from churn.training.export import export_onnx
from churn.training.model_files import model_files
from churn.training.pipeline import train_model

pytestmark = pytest.mark.slow  # `shap` takes 3 s to import

TELCO = ROOT.parent / "shared" / "data" / "telco-customer-churn.csv"
BUNDLED = ROOT / "data" / "churn.csv"
ROWS = 5_000
MADE = {
    "all nullable": all_nullable,
    "few rows": few_rows,
    "rare churn": lambda: rare_churn(5000),
    "many levels": lambda: many_levels(5000, levels=2000),
    "wide": lambda: wide(1000, 60),
}
ESTIMATORS = ("logistic", "hist-gradient-boosting")


class Explained:
    """A model with what `shap` says of it and what the service answers."""

    def __init__(self, dataset, estimator):
        self.model = train_model(dataset, estimator=estimator, seed=3, holdout=dataset)
        files = model_files(self.model, export_onnx(self.model), dataset, {"seed": 3})
        self.scorer = Scorer.from_files("a:test", files)
        self.background = dataset.frame

    def by_shap(self, frame):
        """[n, features] SHAP values in the schema's order, and the expected value."""
        import shap  # noqa: PLC0415 - slow to import, and here alone

        encoder, classifier = self.model.pipeline["encoder"], self.model.pipeline["classifier"]
        if self.model.estimator == "logistic":
            rows = encoder.transform(self.background)
            explainer = shap.LinearExplainer(classifier, shap.maskers.Independent(rows, max_samples=len(rows)))
        else:
            explainer = shap.TreeExplainer(classifier, feature_perturbation="tree_path_dependent")
        values = explainer.shap_values(encoder.transform(frame))
        owners = np.array(self.owners(encoder))
        names = self.scorer.schema.feature_names
        return np.array([values[:, owners == name].sum(axis=1) for name in names]).T, explainer.expected_value

    def owners(self, encoder):
        """The feature of each encoded column."""
        inputs = self.model.inputs
        names = list(inputs.schema.number_names)
        names += inputs.sometimes_missing if "present" in encoder.named_transformers_ else ()
        return names + [name for name in inputs.schema.category_names for _ in inputs.categories[name]]

    def served(self, frame):
        """The customers of a frame, validated, with their `Reasons`."""
        customers = self.scorer.validator.validate([self.record(row) for row in frame.to_dict("records")])
        return customers, [json.loads(reasons) for reasons in self.scorer.explain(customers)]

    def record(self, row):
        kinds = {"integer": int, "number": float, "boolean": bool, "category": str}
        features = self.scorer.schema.feature
        return {
            f.name: None if row[f.name] in ("", None) or row[f.name] != row[f.name] else kinds[f.kind](row[f.name])
            for f in features
        }

    def check(self, frame):
        expected, base = self.by_shap(frame)
        customers, all_reasons = self.served(frame)
        names = self.scorer.schema.feature_names
        found = np.array(
            [
                [{item["feature"]: item["contribution"] for item in reasons["features"]}[name] for name in names]
                for reasons in all_reasons
            ]
        )
        assert np.abs(found - expected).max() <= 1e-6
        assert all(abs(reasons["base"] - base) <= 1e-6 for reasons in all_reasons)
        clear = np.abs(expected) > 1e-9
        assert (np.sign(found)[clear] == np.sign(expected)[clear]).all()
        for row, reasons in zip(np.abs(expected), all_reasons, strict=True):
            in_our_order = row[[names.index(item["feature"]) for item in reasons["features"]]]
            assert (np.diff(in_our_order) <= 1e-9).all()
        probabilities = np.array(self.scorer.score(customers))
        logits = np.log(probabilities) - np.log1p(-probabilities)
        allowed = 1e-5 + 2**-23 / (1 - probabilities)  # near 1, 32 bits are coarser
        assert (np.abs(found.sum(axis=1) + base - logits) <= allowed).all()
        return probabilities


def telco():
    schema = parse_schema(propose_schema(TELCO, None).toml.encode(), "telco.toml")
    return read_dataset(TELCO, schema)


@functools.cache
def bundled():
    return read_dataset(BUNDLED, bundled_schema())


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_bundled_table(estimator):
    explained = Explained(bundled(), estimator)
    probabilities = explained.check(simulate(ROWS, 11)[0])
    assert probabilities.max() < 0.99


@pytest.mark.skipif(not TELCO.exists(), reason="telco-customer-churn.csv is not beside the project")
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_telco_table(estimator):
    data = telco()
    probabilities = Explained(data, estimator).check(data.frame[:ROWS])
    assert probabilities.max() < 0.99  # so that all of them were held to 1e-5


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("name", MADE)
def test_made_tables_and_random_records(name, estimator):
    data = MADE[name]().dataset
    explained = Explained(data, estimator)
    explained.check(data.frame[:1000])
    explained.check(random_customers(explained, data.frame))


def random_customers(explained, frame):
    """Numbers around those of training, texts of training and others, and some of what is optional missing."""
    random, columns = np.random.default_rng(8), {}
    for feature in explained.scorer.schema.feature:
        seen = frame[feature.name]
        if feature.is_category:
            values = random.choice([*explained.model.inputs.categories[feature.name], "unseen"], 1000).astype(object)
            values[values == ""] = "unseen"
        elif feature.kind == "number":
            values = random.normal(seen.mean(), 2 * seen.std(), 1000)
        else:
            values = random.integers(seen.min(), seen.max() + 1, 1000).astype(float)
        if feature.optional:
            values[random.random(1000) < 0.3] = "" if feature.is_category else np.nan
        columns[feature.name] = values
    return pd.DataFrame(columns)
