"""Tables that are not the bundled one: what is trained is what is served, and their peculiarities are learned from."""

import json

import numpy as np
import pandas as pd
import pytest
import skops.io
from tables import TABLES, all_nullable, make_table, many_levels

from churn.evaluation import evaluate
from churn.model.scorer import Scorer
from churn.training.encoding import MOST_LEVELS, Inputs
from churn.training.export import TOLERANCE, check_parity, export_onnx
from churn.training.gate import gate_candidate
from churn.training.model_files import PIPELINE_TYPES, model_files
from churn.training.pipeline import train_model

pytestmark = pytest.mark.slow

RECORDS = 20_000


class Stored:
    """A model of a table, as people load it (`pipeline`) and as the service does (`scorer`)."""

    def __init__(self, table, estimator):
        data = table.dataset
        self.model = train_model(data, estimator=estimator, seed=3, holdout=data)
        self.files = model_files(self.model, export_onnx(self.model), data, {"seed": 3})
        self.pipeline = skops.io.loads(self.files["model.skops"], trusted=PIPELINE_TYPES)
        self.scorer = Scorer.from_files("a:test", self.files)

    def splits(self, feature):
        """Where the trees split a number, with the neighbours in 64 and in 32 bits."""
        trees = [tree for iteration in getattr(self.pipeline["classifier"], "_predictors", ()) for tree in iteration]
        if not trees:
            return np.array([30.0])
        nodes = np.concatenate([tree.nodes for tree in trees])
        found = np.unique(nodes["num_threshold"][(nodes["feature_idx"] == feature) & (nodes["is_leaf"] == 0)])
        single = found.astype(np.float32)
        near = [np.nextafter(found, way) for way in (-np.inf, np.inf)]
        near += [np.nextafter(single, np.float32(way)).astype(float) for way in (-np.inf, np.inf)]
        return np.concatenate([found, single.astype(float), *near])


def random_records(stored):
    """Records with nulls, absent fields, unseen categories, and numbers at and beside each split."""
    random = np.random.default_rng(9)
    fee = random.permutation(np.resize(np.append(stored.splits(1), random.uniform(-1e4, 1e4, 500)), RECORDS))
    columns = {
        "months": random.integers(0, 101, RECORDS).tolist(),
        "fee": fee.tolist(),
        "online": random.choice([True, False], RECORDS).tolist(),
        "plan": random.choice(["a", "b", "c", "ä", " a "], RECORDS).tolist(),
    }
    records = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    for record in records:
        for name in columns:
            chance = random.random()
            if chance < 0.15:
                record[name] = None
            elif chance < 0.3:
                del record[name]
    return records


@pytest.mark.parametrize("estimator", ["logistic", pytest.param("hist-gradient-boosting", marks=pytest.mark.slow)])
def test_the_service_gives_what_scikit_learn_gives_for_any_record(estimator):
    stored = Stored(all_nullable(1000), estimator)
    records = random_records(stored)
    customers = stored.scorer.validator.validate(records)
    served = stored.scorer.score(customers)
    assert [stored.scorer.score([customer])[0] for customer in customers[:1000]] == served[:1000]  # to the last bit
    frame = pd.DataFrame(records, columns=["months", "fee", "online", "plan"])
    frame["plan"] = frame["plan"].str.strip()
    expected = stored.pipeline.predict_proba(frame)[:, 1]
    assert np.ptp(expected) > 0.5
    assert np.abs(np.array(served) - expected).max() <= TOLERANCE


@pytest.mark.parametrize("estimator", ["logistic", pytest.param("hist-gradient-boosting", marks=pytest.mark.slow)])
def test_that_a_value_is_missing_is_learned(estimator):
    """In this table customers whose months are missing leave more, those whose plan is missing less."""
    stored = Stored(all_nullable(3000), estimator)
    record = {"months": 30, "fee": 50.0, "online": True, "plan": "a"}
    validated = stored.scorer.validator.validate([record, record | {"months": None}, record | {"plan": None}])
    usual, no_months, no_plan = stored.scorer.score(validated)
    assert no_months > usual + 0.15
    assert no_plan < usual - 0.1


def test_golden_records_hold_the_optional_features_as_missing_too():
    stored = Stored(all_nullable(1000), "logistic")
    golden = json.loads(stored.files["golden.json"])["records"]
    assert golden[-1]["customer"] == {"months": None, "fee": None, "online": None, "plan": None}
    stored.scorer.check_golden({"records": golden})


def test_rare_levels_are_encoded_like_one_not_seen_and_are_not_warned_of():
    table = many_levels(6000, levels=3000)
    inputs = Inputs.of(table.dataset.frame, table.schema)
    counts = table.frame["postcode"].value_counts()
    kept = inputs.categories["postcode"]
    assert 20 < len(kept) <= MOST_LEVELS
    assert counts[kept].min() >= max(20, counts.drop(kept).max())
    assert set(kept) | set(inputs.rare["postcode"]) == set(counts.index)
    stored = Stored(table, "logistic")
    rare, unseen = inputs.rare["postcode"][0], "P-none"
    records = stored.scorer.validator.validate([{"postcode": code, "months": 3} for code in (rare, unseen, kept[0])])
    warnings = [stored.scorer.warnings(record) for record in records]
    assert warnings == [(), ("postcode 'P-none' was not seen in training; scored as unknown",), ()]
    first, second, third = stored.scorer.score(records)
    assert first == second != third


def test_of_a_column_of_nothing_but_rare_levels_the_most_frequent_is_kept():
    random = np.random.default_rng(2)
    names, score = [f"n{number % 300}" for number in range(1000)], random.normal(size=1000)
    table = make_table({"surname": ('kind = "category"', names), "score": ('kind = "number"', score)}, 2 * score)
    stored = Stored(table, "logistic")
    assert stored.model.inputs.categories["surname"] == ["n0"]
    assert len(stored.model.inputs.rare["surname"]) == 299


def test_features_of_one_kind_only_have_one_input():
    random = np.random.default_rng(1)
    values = random.normal(size=400)
    numbers = make_table({"x": ('kind = "number"', values)}, 2 * values)
    columns = {f"c{number}": ('kind = "category"', random.choice(list("abcd"), 400)) for number in range(6)}
    texts = make_table(columns, np.where(columns["c0"][1] == "a", 2, -1))
    for table, record in ((numbers, {"x": 2.5}), (texts, dict.fromkeys(columns, "a"))):
        stored = Stored(table, "logistic")
        assert stored.scorer.score(stored.scorer.validator.validate([record]))[0] > 0.6


def test_a_text_without_a_case_rule_is_known_as_it_is_written():
    random = np.random.default_rng(1)
    word = random.choice(["Yes", "No", "Ünder", "ßharp"], 800)
    features = {"Word": ('kind = "category"', word), "x": ('kind = "number"', random.normal(size=800))}
    stored = Stored(make_table(features, np.where(word == "Yes", 2, -2)), "logistic")
    assert stored.model.inputs.categories["Word"] == ["No", "Yes", "Ünder", "ßharp"]
    (record,) = stored.scorer.validator.validate([{"Word": "U\u0308nder", "x": 0}])
    assert stored.scorer.warnings(record) == ()


def test_wide_tables_agree_too():
    data = TABLES["wide"]().dataset
    model = train_model(data, estimator="logistic", seed=1, holdout=data)
    assert check_parity(model, export_onnx(model)) <= TOLERANCE


def test_without_a_gate_in_the_schema_rare_churn_is_held_to_what_a_constant_answer_reaches(rare):
    verdict = gate_candidate(rare, None)
    assert rare.values["f1"] < 0.3
    assert rare.values["lift_top_tenth"] > 2
    assert verdict.passed
    assert not gate_candidate(rare, 0.60).passed


@pytest.fixture(scope="module")
def rare():
    table = TABLES["rare churn"]()
    assert 0.01 < (table.frame["left"] == "yes").mean() < 0.03
    return evaluate(train_model(table.dataset, estimator="logistic", seed=1, holdout=table.dataset).predictions, 1)
