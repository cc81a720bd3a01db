"""Contributions against slow oracles: the definitions of Shapley values, and what a model says of changed customers."""

import json
from functools import cache
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from tables import all_nullable
from threadpoolctl import threadpool_limits

from churn.decision import F1
from churn.errors import ModelInvalid
from churn.evaluation import Predictions
from churn.model.reasons.levels import Levels
from churn.model.reasons.trees import Trees
from churn.model.scorer import Scorer
from churn.training.encoding import Inputs, fit_encoder
from churn.training.estimators import ESTIMATORS
from churn.training.export import export_onnx
from churn.training.model_files import model_files
from churn.training.pipeline import TrainedModel
from churn.training.tree_paths import tree_paths
from churn.training.upstream import baseline_of, trees_of

COLUMNS = 5


def expected(nodes, place, row, known):
    """What a tree gives where only some columns are known: algorithm 1 of Lundberg, Erion and Lee (2018)."""
    node = nodes[place]
    if node["is_leaf"]:
        return node["value"]
    if node["feature_idx"] in known:
        value = row[node["feature_idx"]]
        left = node["missing_go_to_left"] if np.isnan(value) else value <= node["num_threshold"]
        return expected(nodes, node["left"] if left else node["right"], row, known)
    return (
        sum(nodes[node[side]]["count"] * expected(nodes, node[side], row, known) for side in ("left", "right"))
        / node["count"]
    )


def shapley_values(game, players):
    """By the definition: the mean over all orders of what a player adds to those before it."""
    values = np.zeros(players)
    for player in range(players):
        others = [other for other in range(players) if other != player]
        for size in range(players):
            weight = factorial(size) * factorial(players - size - 1) / factorial(players)
            for before in combinations(others, size):
                values[player] += weight * (game({*before, player}) - game(set(before)))
    return values


def limits(paths):
    """A column and where a tree splits it, again and again."""
    for group in paths:
        for columns, upper in zip(group["columns"], group["upper"], strict=True):
            yield from ((column, limit) for column, limit in zip(columns, upper, strict=True) if limit is not None)


@pytest.mark.parametrize("seed", range(4))
def test_tree_shap_is_the_shapley_values_of_the_path_dependent_game(seed):
    random = np.random.default_rng(seed)
    rows = random.normal(size=(400, COLUMNS)).round(1)  # values that many rows share, like thresholds
    rows[:, 4] = random.random(400) < 0.3  # like a one-hot column
    rows[random.random(rows.shape) < 0.2 * (seed % 2)] = np.nan
    target = np.nansum(rows * random.normal(size=COLUMNS), axis=1) + 4 * np.isnan(rows[:, 0]) > 0.3
    leaves = 3 + 3 * seed
    classifier = HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=leaves, min_samples_leaf=5, random_state=1)
    with threadpool_limits(1):
        pipeline = Pipeline([("classifier", classifier.fit(rows, target))])
    document = json.loads(json.dumps(tree_paths(pipeline)))
    trees, nodes = Trees(document, Levels([]), COLUMNS), trees_of(classifier)

    asked = random.normal(size=(4, COLUMNS)).round(1).astype(np.float32)
    asked[random.random(asked.shape) < 0.2] = np.nan
    for column, limit in limits(document["paths"]):
        asked[0, column] = limit  # which belongs to the lower side
        asked[1, column] = np.nextafter(np.float32(limit), np.float32(np.inf))
    found = trees.contributions(asked, np.empty((4, 0), object))
    for row, contributions in zip(asked, found, strict=True):

        def game(known, row=row):
            return sum(expected(tree, 0, row, known) for tree in nodes)

        assert contributions == pytest.approx(shapley_values(game, COLUMNS), abs=1e-12)
        assert document["base"] == pytest.approx(baseline_of(classifier) + game(set()), abs=1e-12)
    assert np.abs(found).max() > 0.1


def test_trees_of_one_leaf_contribute_nothing():
    rows, target = np.zeros((60, 2)), np.arange(60) % 3 == 0
    pipeline = Pipeline([("classifier", HistGradientBoostingClassifier(max_iter=2).fit(rows, target))])
    document = tree_paths(pipeline)
    assert document["base"] == pytest.approx(pipeline.decision_function(rows)[0])
    assert not Trees(document, Levels([]), 2).contributions(np.ones((3, 2), np.float32), np.empty((3, 0), object)).any()


def test_a_tree_may_split_known_numbers_from_missing_ones():
    rows = np.where(np.arange(200)[:, None] % 3, np.nan, np.arange(200.0)[:, None])
    pipeline = Pipeline([("classifier", HistGradientBoostingClassifier(max_iter=2).fit(rows, np.isnan(rows[:, 0])))])
    assert np.isinf(trees_of(pipeline["classifier"])[0]["num_threshold"]).any()
    document, asked = json.loads(json.dumps(tree_paths(pipeline), allow_nan=False)), np.float32([[7], [np.nan]])
    found = document["base"] + Trees(document, Levels([]), 1).contributions(asked, np.empty((2, 0), object))[:, 0]
    assert found == pytest.approx(pipeline.decision_function(asked))


def test_levels_are_numbered_in_order_and_unseen_texts_after_them():
    levels = Levels([["a", "b"], [], ["", "a", "z"]])
    texts = np.array([["a", "x", ""], ["?", "", "z"], ["b", "a", "b"]], object)
    assert levels.places(texts).tolist() == [[0, 6, 2], [5, 6, 4], [1, 6, 7]]
    assert (levels.seen, levels.total) == (5, 8)
    assert levels.category.tolist() == [0, 0, 2, 2, 2, 0, 1, 2]


@cache
def stored_model(estimator):
    return Stored(estimator)


class Stored:
    """A model of `all_nullable`, as a training gives it that chooses nothing, and as the service loads it."""

    def __init__(self, estimator):
        self.data = all_nullable(400).dataset
        frame, target, kind = self.data.frame, self.data.target, ESTIMATORS[estimator]
        inputs = Inputs.of(frame, self.data.schema)
        encoder = fit_encoder(frame, inputs, scaled=kind.scaled)
        encoded = encoder.transform(frame)
        with threadpool_limits(1):
            classifier = kind.make(kind.grid[0], 1, encoded.shape[1]).fit(encoded, target)
        pipeline = Pipeline([("encoder", encoder), ("classifier", classifier)])
        probability = pipeline.predict_proba(frame)[:, 1]
        predictions = Predictions("training rows", frame, target, probability, target, np.arange(len(frame)))
        self.model = TrainedModel(estimator, pipeline, 0.5, kind.grid[0], predictions, inputs, F1)
        self.files = model_files(self.model, export_onnx(self.model), self.data, {"seed": 3})
        self.scorer = Scorer.from_files("a:test", self.files)

    def reasons(self, records):
        return [json.loads(reasons) for reasons in self.scorer.explain(self.scorer.validator.validate(records))]


@pytest.fixture(scope="module", params=ESTIMATORS)
def stored(request):
    return stored_model(request.param)


RECORDS = [
    {"months": months, "fee": fee, "online": online, "plan": plan}
    for months, fee, online, plan in [
        (3, 51.234567, True, "a"),
        (None, 49.9, False, "b"),
        (59, None, True, None),
        (12, -3.0, None, "c"),
        (None, None, None, None),
        (100, 1e15, False, "a"),
    ]
]


def test_base_and_contributions_add_up_to_the_logit_of_the_probability(stored):
    probabilities = stored.scorer.score(stored.scorer.validator.validate(RECORDS))
    for record, reasons, probability in zip(RECORDS, stored.reasons(RECORDS), probabilities, strict=True):
        total = reasons["base"] + sum(item["contribution"] for item in reasons["features"])
        # The claim is for probabilities that are not so near 1 that their own 32 bits are coarser.
        allowed = 1e-5 + 2**-23 / max(1 - probability, 2**-23) if abs(total) < 10 else np.inf
        assert abs(total - np.log(probability / max(1 - probability, 1e-300))) <= allowed, record
        assert {item["feature"]: item["value"] for item in reasons["features"]} == record
        sizes = [abs(item["contribution"]) for item in reasons["features"]]
        assert sizes == sorted(sizes, reverse=True)


def test_in_a_linear_model_a_feature_contributes_what_it_adds_to_the_mean_over_the_training_rows():
    """The definition of an interventional SHAP value, for a model in which no feature acts on another."""
    stored = stored_model("logistic")
    frame, pipeline = stored.data.frame, stored.model.pipeline
    records = RECORDS[:5]
    customers = pd.DataFrame(records)
    for row, reasons in enumerate(stored.reasons(records)):
        (log_odds,) = pipeline.decision_function(customers.iloc[[row]])
        assert reasons["base"] == pytest.approx(pipeline.decision_function(frame).mean(), abs=1e-9)
        for item in reasons["features"]:
            changed = pd.concat([customers.iloc[[row]]] * len(frame), ignore_index=True)
            changed[item["feature"]] = frame[item["feature"]].astype(object).to_numpy()
            expected = log_odds - pipeline.decision_function(changed).mean()
            assert item["contribution"] == pytest.approx(expected, abs=1e-8), (row, item)


def damaged(files, change):
    document = json.loads(files["reasons.json"])
    change(document)
    return files | {"reasons.json": json.dumps(document).encode()}


DAMAGES = {
    "another format": (lambda document: document.update(format=2), "its format is 2, this code reads 1"),
    "another kind": (lambda document: document.update(kind="forest"), "its kind is 'forest'"),
    "another base": (lambda document: document.update(base=document["base"] + 0.01), "they are not of this model"),
    "no base": (lambda document: document.pop("base"), "KeyError"),
    "no number": (lambda document: document.update(base=float("nan")), "they are not of this model"),
    "fewer numbers": (lambda document: document["numbers"].pop(), "cannot be used"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_reasons_that_are_not_of_the_model_are_refused_when_it_is_loaded(stored, name):
    change, message = DAMAGES[name]
    with pytest.raises(ModelInvalid, match=message):
        Scorer.from_files("a:test", damaged(stored.files, change))


def test_parts_that_do_not_fit_together_are_refused():
    linear, trees = stored_model("logistic").files, stored_model("hist-gradient-boosting").files
    refused = [
        damaged(linear, lambda document: document["levels"].pop()),
        damaged(linear, lambda document: document["slopes"].pop()),
        damaged(
            trees, lambda document: document["paths"][0].update(columns=[[99] * len(document["paths"][0]["values"])])
        ),
        damaged(trees, lambda document: document["paths"][0]["shares"].pop()),
        linear | {"reasons.json": b"{"},
        linear | {"reasons.json": b"[]"},
    ]
    for files in refused:
        with pytest.raises(ModelInvalid, match=r"reasons\.json cannot be"):
            Scorer.from_files("a:test", files)


def test_a_model_without_reasons_is_served(stored):
    files = {name: content for name, content in stored.files.items() if name != "reasons.json"}
    assert Scorer.from_files("a:test", files).explainer is None
