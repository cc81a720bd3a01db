"""Drivers of a model against naive loops through the whole pipeline."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as oracle
from sklearn.pipeline import Pipeline
from tables import make_table
from threadpoolctl import threadpool_limits

from churn.data.copies import number_customers
from churn.decision import F1
from churn.evaluation import Predictions
from churn.training.drivers import drivers
from churn.training.encoded_columns import EncodedColumns
from churn.training.encoding import Inputs, fit_encoder
from churn.training.estimators import ESTIMATORS
from churn.training.linear_effects import linear_effects
from churn.training.odds_ratios import odds_ratios
from churn.training.partial_effects import partial_effects
from churn.training.permutation import REPEATS, most_rows, permutation_importance
from churn.training.pipeline import TrainedModel
from churn.training.sample import Sample

IMPUTE = '\nmissing = "impute"'


def table(rows=300, seed=1):
    """Each kind of feature, with values that are missing, a level that is rare, and a number that is constant."""
    rng = np.random.default_rng(seed)
    months, fee = rng.integers(0, 60, rows).astype(float), rng.normal(50, 10, rows).round(2)
    calls, online = rng.poisson(1, rows), rng.random(rows) < 0.5
    plan = rng.choice(["a", "b", "c"], rows, p=[0.3, 0.5, 0.2]).astype(object)
    logit = 1 - 0.05 * months + 0.03 * (fee - 50) + 0.7 * online + 0.4 * calls - 0.9 * (plan == "c")
    missing = rng.random((3, rows)) < 0.2
    return make_table(
        {
            "plan": ('kind = "category"' + IMPUTE, np.where(missing[0], None, plan)),
            "months": ('kind = "integer"\nminimum = 0' + IMPUTE, np.where(missing[1], np.nan, months)),
            "online": ('kind = "boolean"' + IMPUTE, np.where(missing[2], None, online.astype(object))),
            "fee": ('kind = "number"', fee),
            "region": ('kind = "category"', rng.choice(["north", "south"], rows, p=[0.6, 0.4])),
            "calls": ('kind = "integer"\nminimum = 0', calls),
            "same": ('kind = "number"', np.full(rows, 0.1)),
        },
        logit,
        seed=seed,
    ).dataset


def trained(data, name):
    """Without selection, which takes long and is not in question here."""
    estimator, inputs = ESTIMATORS[name], Inputs.of(data.frame, data.schema)
    encoder = fit_encoder(data.frame, inputs, scaled=estimator.scaled)
    encoded, parameters = encoder.transform(data.frame), estimator.grid[-2]
    with threadpool_limits(1):
        classifier = estimator.make(parameters, 3, encoded.shape[1]).fit(encoded, data.target)
    pipeline = Pipeline([("encoder", encoder), ("classifier", classifier)])
    probability = classifier.predict_proba(encoded)[:, 1]
    decision = (probability >= 0.5).astype(np.int8)
    predictions = Predictions("out-of-fold", data.frame, data.target, probability, decision)
    return TrainedModel(name, pipeline, 0.5, parameters, predictions, inputs, F1)


def columns_of(model):
    return EncodedColumns.of(model.inputs, scaled=model.estimator == "logistic")


@pytest.fixture(autouse=True)
def _one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module", params=list(ESTIMATORS))
def fitted(request):
    data = table()
    return data, trained(data, request.param)


@pytest.fixture(scope="module")
def linear():
    data = table()
    return data, trained(data, "logistic")


def frame_of(data):
    return data.frame.astype(dict.fromkeys(data.schema.category_names, object))


def probabilities(model, frame):
    return model.pipeline.predict_proba(frame)[:, 1]


def test_each_column_of_the_inputs_is_its_features(fitted):
    data, model = fitted
    columns, encoder = columns_of(model), model.pipeline["encoder"]
    before = encoder.transform(data.frame)
    assert columns.count == before.shape[1]
    for feature in data.schema.feature:
        frame = frame_of(data)
        frame[feature.name] = frame[feature.name].to_numpy()[::-1]
        changed = set(np.flatnonzero((np.nan_to_num(encoder.transform(frame)) != np.nan_to_num(before)).any(axis=0)))
        assert changed <= set(columns.of_feature(feature.name)), feature.name
        assert changed or feature.name == "same"


def test_partial_effects_are_means_of_predictions_of_changed_frames(fitted):
    data, model = fitted
    found = partial_effects(model.pipeline, columns_of(model), data.frame, data.schema, 5)
    assert [(effect["feature"], effect["kind"]) for effect in found] == [(f.name, f.kind) for f in data.schema.feature]
    for effect in found:
        for shown, probability in zip(effect["values"], effect["probability"], strict=True):
            frame = frame_of(data)
            frame[effect["feature"]] = {"true": 1.0, "false": 0.0, "missing": ""}.get(shown, shown)
            assert probability == pytest.approx(probabilities(model, frame).mean(), abs=1e-9), effect["feature"]


def test_grids_are_levels_by_frequency_few_values_and_quantiles(linear):
    data, model = linear
    found = {
        effect["feature"]: effect["values"]
        for effect in partial_effects(model.pipeline, columns_of(model), data.frame, data.schema, 5)
    }
    assert found["plan"] == ["b", "a", "missing", "c"]
    assert found["online"] == ["false", "true"]
    assert found["same"] == [0.1]
    assert found["calls"] == sorted(set(data.frame["calls"]))
    fees = sorted(data.frame["fee"])
    assert len(found["fee"]) == 11
    assert set(found["fee"]) <= set(fees)
    assert (found["fee"][0], found["fee"][5], found["fee"][-1]) == (fees[2], fees[149], fees[296])


def test_grids_are_short_however_many_levels_there_are():
    rng = np.random.default_rng(1)
    data = make_table(
        {"code": ('kind = "category"', rng.choice([f"c{n:02}" for n in range(18)], 600))}, np.zeros(600)
    ).dataset
    model = trained(data, "logistic")
    (effect,) = partial_effects(model.pipeline, columns_of(model), data.frame, data.schema, 1)
    assert effect["values"] == list(
        data.frame["code"]
        .value_counts()
        .sort_index(kind="stable")
        .sort_values(ascending=False, kind="stable")
        .index[:12]
    )


class Counting:
    """A classifier that counts the rows which it predicts."""

    rows = 0

    def predict_proba(self, encoded):
        self.rows += len(encoded)
        return np.full((len(encoded), 2), 0.5)


@pytest.mark.parametrize(("most", "rows"), [(200_000, 300), (3_000, 100), (30, 50)])
def test_partial_effects_predict_no_more_rows_than_is_worth_it(most, rows, linear, monkeypatch):
    data, model = linear
    monkeypatch.setattr("churn.training.partial_effects._MOST_PREDICTIONS", most)
    classifier = Counting()
    pipeline = {"encoder": model.pipeline["encoder"], "classifier": classifier}
    found = partial_effects(pipeline, columns_of(model), data.frame, data.schema, 1)
    points = sum(len(effect["values"]) for effect in found)
    expected = {300: 300, 100: 3_000 // points, 50: 50}[rows]
    assert classifier.rows == points * expected


def test_permutation_importance_takes_fewer_rows_of_many_features():
    assert [most_rows(features) for features in (1, 20, 40, 199, 200, 1_000)] == [2_000, 2_000, 1_000, 201, 200, 200]


def test_permutation_importance_is_a_loop_over_shuffled_frames(fitted):
    data, model = fitted
    encoded = model.pipeline["encoder"].transform(data.frame)
    names = data.schema.feature_names
    found = permutation_importance(model.pipeline["classifier"], encoded, data.target, names, columns_of(model), 7)
    rng, usual = np.random.default_rng(7), probabilities(model, data.frame)
    expected = []
    for name in names:
        losses, areas = [], []
        for _ in range(REPEATS):
            frame = frame_of(data)
            frame[name] = frame[name].to_numpy()[rng.permutation(len(frame))]
            losses.append(oracle.log_loss(data.target, probabilities(model, frame)))
            areas.append(oracle.roc_auc_score(data.target, probabilities(model, frame)))
        expected.append(
            {
                "feature": name,
                "log_loss": np.mean(losses) - oracle.log_loss(data.target, usual),
                "log_loss_sd": np.std(losses, ddof=1),
                "roc_auc": oracle.roc_auc_score(data.target, usual) - np.mean(areas),
            }
        )
    expected.sort(key=lambda row: -row["log_loss"])
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-9)
    assert found[0]["feature"] == "months"
    assert next(row["log_loss"] for row in found if row["feature"] == "same") == 0


def ratios_of(data, model, penalty=None):
    sample = Sample(data.frame, data.target, number_customers(data.digests))
    return odds_ratios(model.pipeline, model.inputs, sample, penalty or 1 / model.parameters["C"], 1)


def logit(probability):
    return np.log(probability / (1 - probability))


def test_odds_ratios_are_what_the_pipeline_gives_two_customers(linear):
    data, model = linear
    found = ratios_of(data, model)
    assert [(row["feature"], row["level"], row["against"]) for row in found[:7]] == [
        ("plan", "a", "b"),
        ("plan", "missing", "b"),
        ("plan", "c", "b"),
        ("months", None, f"1 sd = {data.frame['months'].fillna(data.frame['months'].median()).std(ddof=0):.3g} more"),
        ("months", "missing", "present"),
        ("online", "true", "false"),
        ("online", "missing", "present"),
    ]
    assert [row["feature"] for row in found[7:]] == ["fee", "region", "calls"]  # what is always one value has none
    for row in found:
        name, column = row["feature"], data.frame[row["feature"]]
        pair = frame_of(data).iloc[[1, 1]].reset_index(drop=True)
        if row["level"] is None:
            pair[name] = column.median(), column.median() + column.fillna(column.median()).std(ddof=0)
        elif row["against"] == "present":
            pair[name] = column.median(), np.nan
        else:
            shown = {"missing": "", "true": 1.0, "false": 0.0}
            pair[name] = [shown.get(level, level) for level in (row["against"], row["level"])]
        before, after = logit(probabilities(model, pair))
        assert np.log(row["ratio"]) == pytest.approx(after - before, abs=1e-5), row


def test_intervals_are_those_of_the_sandwich_by_loops_over_customers(linear):
    """Of tripled rows of some customers."""
    data, model = linear
    index = np.r_[np.arange(300), np.repeat(np.arange(0, 300, 3), 2)]
    copied = replace_rows(data, index)
    encoded = np.column_stack([model.pipeline["encoder"].transform(copied.frame), np.ones(len(index))])
    probability = probabilities(model, copied.frame)
    hessian = np.zeros((encoded.shape[1],) * 2)
    scores = {}
    for row, customer in enumerate(number_customers(copied.digests)):
        x, p = encoded[row], probability[row]
        hessian += p * (1 - p) * np.outer(x, x)
        scores[customer] = scores.get(customer, 0) + (p - copied.target[row]) * x
    for column in range(len(hessian) - 1):
        hessian[column, column] += 2.5
    meat = sum(np.outer(score, score) for score in scores.values())
    inverse = np.linalg.inv(hessian)
    covariance = inverse @ meat @ inverse
    contrasts = {
        ("plan", "c"): {"c": 0.5, "b": -0.5},
        ("fee", None): {"fee": 1.0},
        ("region", "south"): {"south": 0.5, "north": -0.5},
    }
    columns = columns_of(model)
    place = {"fee": columns.number["fee"], **columns.levels["plan"], **columns.levels["region"]}
    for row in ratios_of(copied, model, penalty=2.5):
        if parts := contrasts.get((row["feature"], row["level"])):
            way = np.zeros(len(hessian))
            for name, weight in parts.items():
                way[place[name]] = weight
            error = np.sqrt(way @ covariance @ way)
            assert np.log(row["high"] / row["ratio"]) == pytest.approx(1.959963984540054 * error, abs=1e-9)
            assert np.log(row["ratio"] / row["low"]) == pytest.approx(1.959963984540054 * error, abs=1e-9)


def replace_rows(data, index):
    return replace(data, frame=data.frame.iloc[index].reset_index(drop=True), target=data.target[index])


def test_copies_make_no_interval_narrower(linear):
    """20 copies of each customer under 20 times the penalty: the same model, and no more is known."""
    data, model = linear
    copied = replace_rows(data, np.tile(np.arange(300), 20))
    for one, twenty in zip(ratios_of(data, model, 3.0), ratios_of(copied, model, 60.0), strict=True):
        assert twenty == pytest.approx(one, abs=1e-9)


@pytest.mark.slow
def test_a_sample_of_very_many_rows_gives_about_the_intervals_of_all(monkeypatch):
    data = table(6_000)
    model = trained(data, "logistic")
    every = ratios_of(data, model)
    monkeypatch.setattr("churn.training.odds_ratios.MOST_ROWS", 3_000)
    for one, part in zip(every, ratios_of(data, model), strict=True):
        assert part["ratio"] == one["ratio"]
        assert np.log(part["high"] / part["low"]) == pytest.approx(np.log(one["high"] / one["low"]), rel=0.1)


@pytest.mark.slow
def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """Of 60 samples without noteworthy penalty: 95 % of the intervals of a number's and of a level's odds ratio."""
    hits = {"x": 0, "plan": 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, plan = rng.normal(size=2_000), rng.choice(["a", "b"], 2_000, p=[0.6, 0.4])
        data = make_table(
            {"x": ('kind = "number"', x), "plan": ('kind = "category"', plan)}, 0.6 * x + 0.8 * (plan == "b"), seed=seed
        ).dataset
        truth = {"x": np.exp(0.6 * x.std()), "plan": np.exp(0.8)}
        model = trained(data, "logistic")
        for row in ratios_of(data, model):
            hits[row["feature"]] += row["low"] <= truth[row["feature"]] <= row["high"]
    assert 52 <= hits["x"] <= 60
    assert 48 <= hits["plan"] <= 60  # shrunk a little where the penalty is chosen strong


def test_a_boosted_model_has_no_odds_ratios_and_the_seed_decides_the_rest(fitted):
    data, model = fitted
    found = drivers(model, data, 4)
    assert (found["odds_ratios"] is None) == (model.estimator != "logistic")
    assert found == drivers(model, data, 4)
    names = {row["feature"] for row in found["permutation_importance"]}
    assert names == set(data.schema.feature_names)


def test_of_too_many_inputs_there_are_no_odds_ratios(linear, monkeypatch):
    data, model = linear
    monkeypatch.setattr("churn.training.odds_ratios.MOST_COLUMNS", 5)
    assert ratios_of(data, model) is None


def test_noise_has_far_less_importance_than_among_the_rows_that_a_model_knows():
    """Of customers with two rows each, whose copies are held out together."""
    rng = np.random.default_rng(3)
    noise = {f"noise_{at}": ('kind = "number"', rng.normal(size=800)) for at in range(3)}
    data = replace_rows(make_table(noise, np.zeros(800)).dataset, np.tile(np.arange(800), 2))
    model, names = trained(data, "hist-gradient-boosting"), data.schema.feature_names
    encoded = model.pipeline["encoder"].transform(data.frame)
    known = permutation_importance(model.pipeline["classifier"], encoded, data.target, names, columns_of(model), 4)
    found = drivers(model, data, 4)
    assert found["importance_on"] == "held-out fifth"
    sizes = [np.mean([row["log_loss"] for row in rows]) for rows in (found["permutation_importance"], known)]
    assert abs(sizes[0]) < sizes[1] / 3


def test_importance_of_a_model_with_a_holdout_is_of_the_holdout(linear):
    data, model = linear
    held = replace(model, predictions=replace(model.predictions, source="later.csv"))
    found = drivers(held, data, 4)
    encoded = model.pipeline["encoder"].transform(data.frame)
    names = data.schema.feature_names
    expected = permutation_importance(model.pipeline["classifier"], encoded, data.target, names, columns_of(model), 4)
    assert (found["importance_on"], found["permutation_importance"]) == ("holdout", expected)


def test_shuffled_rows_of_one_outcome_have_a_figure(linear):
    data, model = linear
    encoded = model.pipeline["encoder"].transform(data.frame)[data.target == 1]
    ones = np.ones(len(encoded), dtype=np.int8)
    found = permutation_importance(model.pipeline["classifier"], encoded, ones, ["fee"], columns_of(model), 4)
    assert found[0]["roc_auc"] == 0


def test_blocks_of_rows_and_points_give_the_figures_of_all_at_once(linear, monkeypatch):
    data, model = linear
    copied = replace_rows(data, np.r_[np.arange(300), np.repeat(np.arange(0, 300, 3), 2)])

    def figures():
        effects = partial_effects(model.pipeline, columns_of(model), data.frame, data.schema, 1)
        return ratios_of(copied, model, 2.0), effects, linear_effects(model, data.frame)

    ratios, effects, linear_ones = figures()
    for module in ("odds_ratios", "linear_effects"):
        monkeypatch.setattr(f"churn.training.{module}._BLOCK", 37)
    monkeypatch.setattr("churn.training.partial_effects._MOST_POINTS", 13)
    sizes = []
    encode = type(model.pipeline["encoder"]).transform
    monkeypatch.setattr(
        type(model.pipeline["encoder"]),
        "transform",
        lambda self, frame: sizes.append(len(frame)) or encode(self, frame),
    )
    found = figures()
    assert all(one == pytest.approx(other, abs=1e-9) for one, other in zip(found[0], ratios, strict=True))
    for one, other in zip(found[1], effects, strict=True):
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-12)
    assert found[2]["base"] == pytest.approx(linear_ones["base"], abs=1e-9)
    all_rows = sizes.index(500)  # of the odds ratios; before them the effects', after them the linear ones
    assert sizes[0] == 300
    assert max(sizes[1:all_rows]) <= 13
    assert max(sizes[all_rows + 1 :]) <= 37
    assert sum(sizes[all_rows + 1 :]) == 300
