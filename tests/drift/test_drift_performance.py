"""Delayed truth: labels that arrive later, joined with the journal."""

import json

import duckdb
import numpy as np
import pytest
from drift_samples import SCHEMA, TAG, line, write_journal
from sklearn.metrics import f1_score, log_loss, roc_auc_score

from churn.drift.performance import evaluate_performance
from churn.errors import DataError, NothingToJudge
from churn.registry.entry import ModelEntry

pytestmark = pytest.mark.slow

ENTRY = ModelEntry.parse(
    {
        "model_tag": TAG,
        "sha256": "0" * 64,
        "files": {"model.onnx": "0" * 64},
        "metrics": {"f1": 0.70, "roc_auc": 0.70, "log_loss": 0.63, "calibration_error": 0.03},
        "metric_intervals": {
            "f1": [0.67, 0.73],
            "roc_auc": [0.67, 0.73],
            "log_loss": [0.61, 0.65],
            "calibration_error": [0.01, 0.05],
        },
    }
)
ROWS = 600


def predictions(seed=1, model=TAG, honest=True):
    """Ids, probabilities and truth; a model that is not honest says the opposite of what it should."""
    rng = np.random.default_rng(seed)
    probability = rng.beta(2, 2, ROWS)
    truth = (rng.random(ROWS) < (probability if honest else 1 - probability)).astype(int)
    lines = [
        line(n, model, f"{seed}-{n}", probability=float(p), prediction=int(p >= 0.5)) for n, p in enumerate(probability)
    ]
    return [f"{seed}-{n}" for n in range(ROWS)], probability, truth, lines


def write_labels(path, ids, truth):
    path.write_text("request_id,churn\n" + "".join(f"{i},{t}\n" for i, t in zip(ids, truth, strict=True)))
    return path


def measure(tmp_path, lines, labels, entries=None, min_rows=100):
    write_journal(tmp_path / "logs" / "predictions-a-1.jsonl", *lines)
    entries = {TAG: ENTRY} if entries is None else entries
    return evaluate_performance(tmp_path / "logs", labels, SCHEMA, entries, min_rows)


def test_realised_metrics_are_scikit_learns_and_as_promised(tmp_path):
    ids, probability, truth, lines = predictions()
    done = measure(tmp_path, lines, write_labels(tmp_path / "labels.csv", ids, truth))
    metrics = {metric.name: metric for metric in done.models[0].metrics}
    assert metrics["f1"].value.value == pytest.approx(f1_score(truth, probability >= 0.5), abs=1e-9)
    assert metrics["roc_auc"].value.value == pytest.approx(roc_auc_score(truth, probability), abs=1e-9)
    assert metrics["log_loss"].value.value == pytest.approx(log_loss(truth, probability), abs=1e-9)
    assert all(metric.value.low <= metric.value.value <= metric.value.high for metric in metrics.values())
    assert metrics["f1"].promised.value == 0.70
    assert not done.below_promise


def test_a_model_that_does_worse_than_promised_is_named_with_the_metrics(tmp_path):
    ids, _, truth, lines = predictions()
    other_ids, _, other_truth, other_lines = predictions(2, "churn_model_v1:v2", honest=False)
    labels = write_labels(tmp_path / "labels.csv", ids + other_ids, [*truth, *other_truth])
    done = measure(tmp_path, lines + other_lines, labels, {TAG: ENTRY, "churn_model_v1:v2": ENTRY})
    assert [(model.tag, model.rows, bool(model.worse)) for model in done.models] == [
        (TAG, ROWS, False),
        ("churn_model_v1:v2", ROWS, True),
    ]
    assert "churn_model_v1:v2 (f1, roc_auc, log_loss, calibration_error)" in done.summary
    json.dumps(done.as_json(), allow_nan=False)


def test_a_model_that_the_registry_does_not_know_is_measured_but_not_judged(tmp_path):
    ids, _, truth, lines = predictions(honest=False)
    done = measure(tmp_path, lines, write_labels(tmp_path / "labels.csv", ids, truth), {})
    assert len(done.models[0].metrics) == 4
    assert not done.below_promise


def test_parquet_and_csv_give_the_same(tmp_path):
    ids, _, truth, lines = predictions()
    csv = write_labels(tmp_path / "labels.csv", ids, truth)
    parquet = tmp_path / "labels.parquet"
    duckdb.execute(f"COPY (FROM read_csv('{csv}')) TO '{parquet}'")
    assert measure(tmp_path, lines, csv).as_json() == measure(tmp_path, lines, parquet).as_json()


def test_labels_without_a_prediction_empty_ones_and_repetitions_are_counted(tmp_path):
    ids, _, truth, lines = predictions()
    labels = [*ids, "not-logged", "later", ids[0]]
    done = measure(tmp_path, lines, write_labels(tmp_path / "labels.csv", labels, [*truth, 1, "", truth[0]]))
    assert (done.labels.rows, done.labels.matched, done.labels.unknown) == (ROWS + 1, ROWS, 1)


def test_of_a_repeated_request_id_the_last_prediction_counts(tmp_path):
    ids, probability, truth, lines = predictions()
    again = [line(ROWS + 1, TAG, ids[0], probability=0.123, prediction=0)]
    done = measure(tmp_path, again + lines, write_labels(tmp_path / "labels.csv", ids, truth))
    changed = [0.123, *probability[1:]]
    found = {metric.name: metric.value.value for metric in done.models[0].metrics}
    assert done.models[0].rows == ROWS
    assert found["log_loss"] == pytest.approx(log_loss(truth, changed), abs=1e-9)


@pytest.mark.parametrize("column", ["text", "label", "model", "probability"])
def test_other_columns_of_the_labels_file_are_not_read(tmp_path, column):
    ids, _, truth, lines = predictions()
    labels = write_labels(tmp_path / "labels.csv", ids, truth)
    expected = measure(tmp_path, lines, labels).as_json()
    heading, *rows = labels.read_text().splitlines()
    opposite = [f"{row},{1 - int(row[-1])}" for row in rows]
    labels.write_text("\n".join([f"{heading},{column}", *opposite]))
    assert measure(tmp_path, lines, labels).as_json() == expected


def test_folders_named_like_columns_are_no_labels(tmp_path):
    ids, _, truth, lines = predictions()
    folder = tmp_path / "churn=1" / "request_id=7"
    folder.mkdir(parents=True)
    plain = write_labels(tmp_path / "labels.csv", ids, truth)
    inside = write_labels(folder / "labels.csv", ids, truth)
    assert measure(tmp_path, lines, inside).as_json() == measure(tmp_path, lines, plain).as_json()


def test_a_journal_in_a_folder_named_like_a_column_is_read_as_it_is(tmp_path):
    ids, _, truth, lines = predictions()
    labels = write_labels(tmp_path / "labels.csv", ids, truth)
    expected = measure(tmp_path, lines, labels).as_json()
    assert measure(tmp_path / "probability=1", lines, labels).as_json() == expected


def test_request_ids_with_outer_blanks_are_told_apart_from_those_without(tmp_path):
    ids, probability, truth, lines = predictions()
    blank = [f" {name} " for name in ids]
    lines += [line(ROWS, TAG, name, probability=1 - p) for name, p in zip(blank, probability, strict=True)]
    both = write_labels(tmp_path / "labels.csv", ids + blank, [*truth, *(1 - truth)])
    done = measure(tmp_path, lines, both)
    assert (done.labels.rows, done.labels.matched, done.models[0].rows) == (2 * ROWS, 2 * ROWS, 2 * ROWS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is not there; --labels needs a CSV or Parquet file"),
        ("request_id,left\na,1\n", "has no column churn; it has: request_id, left"),
        ("request_id,churn\n", "has no labels"),
        ("request_id,churn\na,1\nb,maybe\n", r"line 3, request_id 'b', column churn: 'maybe' is not 0 or 1$"),
        ("request_id,churn\na,1\na,0\n", r"'a' has both labels: '1' in line 2, '0' in line 3 \(1 such ids\); keep"),
    ],
)
def test_labels_that_cannot_be_used_are_named(tmp_path, content, message):
    labels = tmp_path / "labels.csv"
    if content is not None:
        labels.write_text(content)
    with pytest.raises(DataError, match=message):
        measure(tmp_path, [line()], labels)


def test_what_cannot_be_judged_says_why(tmp_path):
    ids, _, truth, lines = predictions()
    with pytest.raises(NothingToJudge, match="none of the 1 labels"):
        measure(tmp_path, lines, write_labels(tmp_path / "a.csv", ["elsewhere"], [1]))
    few = write_labels(tmp_path / "b.csv", ids[:99], truth[:99])
    with pytest.raises(NothingToJudge, match=r"too few labelled predictions.*churn_model_v1:v1 99.*asks for 100"):
        measure(tmp_path, lines, few)
    same = write_labels(tmp_path / "c.csv", ids, [1] * ROWS)
    with pytest.raises(NothingToJudge, match="all with the same label"):
        measure(tmp_path, lines, same)


def test_the_command_reports_by_model_and_ends_with_3_below_promise(tmp_path, trained_home):
    ids, _, truth, lines = predictions(honest=False)
    write_journal(tmp_path / "logs" / "predictions-a-1.jsonl", *lines)
    (tmp_path / "registry").symlink_to(trained_home.registry)
    labels = write_labels(tmp_path / "labels.csv", ids, truth)
    out = tmp_path / "performance.json"
    command = ("drift.py", "performance", "--labels", str(labels), "--json", str(out))
    done = trained_home.run(*command, CHURN_HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (3, "")
    assert "churn_model_v1:v1 (600)" in done.stdout
    assert "Worse than training promised: churn_model_v1:v1 (" in done.stdout
    document = json.loads(out.read_bytes())
    assert document["below_promise"]
    assert document["models"][0]["metrics"]["roc_auc"]["worse"]
    done = trained_home.run(*command[:3], str(tmp_path / "absent.csv"), CHURN_HOME=str(tmp_path))
    assert (done.returncode, "absent.csv is not there" in done.stderr) == (2, True)
