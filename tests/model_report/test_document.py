"""The report document as a whole, and in a home where `train.py` has run."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as oracle
from tables import all_nullable, few_rows, make_table, rare_churn

from churn.decision import Campaign, Objective
from churn.evaluation import evaluate
from churn.training.gate import gate_candidate
from churn.training.model_report import report_document, report_figures, report_files
from churn.training.paired_bootstrap import ChampionComparison
from churn.training.pipeline import train_model

pytestmark = pytest.mark.slow

KEYS = [
    "format", "tag", "card", "gate", "metrics", "evaluated", "roc", "precision_recall", "calibration", "tenths",
    "histogram", "thresholds", "confusion", "drivers", "segments", "segments_found",
    "data", "profit",
]  # fmt: skip
CARD = [
    "trained_at_utc", "data_file", "data_sha256", "rows", "customers", "estimator", "parameters", "schema", "seed",
    "threshold", "judged_on", "evaluated_sha256", "decision", "target",
]  # fmt: skip
COST = Objective("cost", Campaign(2.0, 30.0, 0.25)).as_dict()


class Trained:
    """A model of a table with all that its report is made of."""

    def __init__(self, data):
        self.model = train_model(data, estimator="logistic", seed=3, holdout=data)
        self.evaluation = evaluate(self.model.predictions, 3)
        self.figures = report_figures(self.model, data, self.evaluation, 3)
        self.card = {
            "trained_at_utc": "2026-11-28T10:00:00Z",
            "data_file": "/home/me/secret folder/table.csv",
            "data_sha256": data.sha256,
            "rows": data.rows,
            "customers": data.customers,
            "schema": {"name": data.schema.name, "digest": data.schema.digest},
            "seed": 3,
            "judged_on": self.model.predictions.source,
            "evaluated_sha256": "1" * 64,
            "estimator": self.model.estimator,
            "parameters": self.model.parameters,
            "threshold": self.model.threshold,
            "decision": Objective().as_dict(),
        }

    def document(self, comparison=None, **card):
        verdict = gate_candidate(self.evaluation, None, comparison)
        return json.loads(report_files(report_document("a:v1", self.figures, verdict, self.card | card))["report.json"])


def one_column(kind, values):
    """Beside a number that tells the customers apart."""
    logit = np.linspace(-2, 2, len(values))
    return make_table({"x": (f'kind = "{kind}"', values), "apart": ('kind = "number"', logit)}, logit)


def copies():
    table = rare_churn(2_000)
    return replace(table, frame=table.frame.iloc[np.tile(np.arange(400), 3)].reset_index(drop=True))


WILD = {
    "few rows": few_rows,
    "copies": copies,
    "all missing": lambda: one_column('number"\nmissing = "impute', np.full(300, np.nan)),
    "a constant": lambda: one_column("number", np.full(300, 0.1)),
    "huge numbers": lambda: one_column("number", np.linspace(-1e15, 1e15, 300)),
    "one level": lambda: one_column("category", np.full(300, "a")),
    "a boolean": lambda: one_column("boolean", np.resize([True, False, False], 300)),
}


def figures_of(value):
    """All numbers of a document."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for part in value for number in figures_of(part)]
    return [value] if isinstance(value, int | float) else []


@pytest.mark.parametrize("name", WILD)
def test_any_table_has_a_whole_report(name):
    trained = Trained(WILD[name]().dataset)
    document = trained.document(decision=COST)
    assert sorted(document) == sorted(KEYS)
    assert sorted(document["card"]) == sorted(CARD)
    assert np.isfinite(figures_of(document)).all()
    assert document["format"] == 1
    assert len(document["drivers"]["permutation_importance"]) == len(document["data"])
    for curve in (document["roc"], document["precision_recall"], document["profit"]):
        assert len({len(column) for column in curve.values()}) == 1


@pytest.fixture(scope="module")
def trained():
    return Trained(all_nullable(600).dataset)


def test_the_figures_are_those_of_the_predictions(trained):
    document, predictions = trained.document(), trained.model.predictions
    assert document["metrics"]["roc_auc"]["value"] == pytest.approx(
        oracle.roc_auc_score(predictions.target, predictions.probability), abs=1e-9
    )
    assert document["evaluated"] == {"rows": 600, "customers": 538, "churners": predictions.target.sum()}
    matrix = oracle.confusion_matrix(predictions.target, predictions.decision)
    assert document["confusion"]["false_positives"] == matrix[0, 1]
    assert document["confusion"]["threshold"] == trained.model.threshold
    assert trained.model.threshold in [row["threshold"] for row in document["thresholds"]]
    assert document["card"]["target"] == {"column": "left", "positive": ["yes"]}
    assert len(document["drivers"]["odds_ratios"]) == 8
    assert trained.model.predictions.frame.drop_duplicates().shape[0] == 538
    assert {segment["feature"] for segment in document["segments"]} == {"online", "plan"}


def test_no_path_is_told(trained):
    comparison = ChampionComparison(
        "a:v0", "/home/me/store/v0/model.yaml cannot be read: '/var/lib/x.json' or C:\\data\\y is 1/2 damaged"
    )
    document = trained.document(comparison)
    assert document["card"]["data_file"] == "table.csv"
    told = document["gate"]["champion"]["problem"]
    assert told == "model.yaml cannot be read: 'x.json' or y is 1/2 damaged"
    assert "/home" not in json.dumps(document)


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        ("/home/me/secret folder/v0/model.yaml cannot be read", "model.yaml cannot be read"),
        ("'C:\\Users\\My Name\\x.json' is damaged", "'x.json' is damaged"),
        ("file:///home/me/v%200/x.json is gone", "x.json is gone"),
        ("file:///C:/me/x.json and /tmp/b c/y.json differ", "x.json and y.json differ"),
        ("\\\\host\\share\\x.json is gone", "x.json is gone"),
        ("/home/me/Folder 2/x is 1/2 damaged", "x is 1/2 damaged"),
        ("its plan and/or region are of another kind", "its plan and/or region are of another kind"),
    ],
)
def test_no_folder_of_the_champion_is_told(trained, problem, told):
    document = trained.document(ChampionComparison("a:v0", problem))
    assert document["gate"]["champion"]["problem"] == told


def test_profit_is_there_where_the_threshold_is_chosen_by_it(trained):
    plain, document = trained.document(), trained.document(decision=COST)
    assert plain["card"]["decision"] == {"objective": "f1"}
    assert plain["profit"] is None
    assert {row["profit"] for row in [*plain["thresholds"], plain["confusion"]]} == {None}
    assert document["card"]["decision"] == COST
    for row in [*document["thresholds"], document["confusion"]]:
        expected = (row["true_positives"] * 0.25 * 30 - row["contacted"] * 2) / 600
        assert row["profit"] == pytest.approx(expected, abs=1e-9)
    served = document["profit"]["threshold"].index(trained.model.threshold)
    at_served = next(row for row in document["thresholds"] if row["threshold"] == trained.model.threshold)
    assert document["profit"]["profit"][served] == pytest.approx(at_served["profit"], abs=1e-9)
    assert trained.document(decision=COST) == document


def test_a_trained_home_has_the_report_of_its_model(trained_home):
    (folder,) = (trained_home.bentoml_home / "models" / "churn_model_v1").glob("v1")
    report, card = (json.loads((folder / name).read_text()) for name in ("report.json", "card.json"))
    assert sorted(report) == sorted(KEYS)
    assert report["tag"] == "churn_model_v1:v1"
    assert report["card"]["data_file"] == "churn.csv"
    assert {name: metric["value"] for name, metric in report["metrics"].items()} == card["metrics"]
    assert report["gate"]["passed"] is True
    assert str(trained_home.path) not in json.dumps(report)
