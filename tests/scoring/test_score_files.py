"""`score.py` from the command line to the finished file: what it holds, in each form."""

import csv
import json
import math

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from score_runs import contents, customers, score_each, scorer_of, scoring_home

from churn.scoring.files.writers import open_writer

__all__ = ["scoring_home"]

ROWS = 3_000


@pytest.fixture(scope="module")
def made(scoring_home, tmp_path_factory):
    """One table, scored into each form, ranked, and into a folder."""
    folder = tmp_path_factory.mktemp("forms")
    frame = customers(ROWS)
    frame["note"] = ['plain, "quoted"\nand more', "é", "", " x "] * (ROWS // 4)
    frame.to_parquet(folder / "in.parquet")
    frame.to_csv(folder / "in.csv", index=False)
    table = folder / "in.parquet"
    runs = [
        (table, "--out", folder / "out.parquet", "--rank"),
        (table, "--out", folder / "out.arrow", "--rank"),
        (table, "--out", folder / "out.csv", "--rank", "--keep", "note", "--keep", "tenure_months"),
        (folder / "in.csv", "--out", folder / "of_csv.parquet", "--rank"),
        (table, "--out", folder / "parts/", "--format", "csv"),
        (table, "--out", folder / "explained.parquet", "--explain"),
    ]
    done = score_each(scoring_home, *runs)
    assert [each.code for each in done] == [0] * len(runs), done
    return folder, frame, done


def test_every_form_holds_the_same_scores_those_of_the_service(made, scoring_home):
    folder, frame, _ = made
    scorer = scorer_of(scoring_home)
    records = frame.drop(columns="note").to_dict("records")
    expected = [scorer.score([customer])[0] for customer in scorer.validator.validate(records)]
    found = pq.read_table(folder / "out.parquet")
    assert found["probability"].to_pylist() == expected
    assert found["prediction"].to_pylist() == [int(each >= scorer.threshold) for each in expected]
    assert found["rank"].to_pylist() == (len(frame) + 1 - pd.Series(expected).rank(method="max")).astype(int).tolist()
    assert found["tenth"].to_pylist() == [math.ceil(rank * 10 / ROWS) for rank in found["rank"].to_pylist()]
    assert set(found["model_version"].to_pylist()) == {scorer.tag}
    assert pa.ipc.open_file(folder / "out.arrow").read_all().equals(found)
    assert pq.read_table(folder / "of_csv.parquet").equals(found)
    with (folder / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["note", "tenure_months", *found.column_names]
    assert [row["probability"] for row in rows] == [orjson.dumps(each).decode() for each in expected]
    assert [row["note"] for row in rows] == frame["note"].tolist()
    assert [row["rank"] for row in rows] == [str(rank) for rank in found["rank"].to_pylist()]


def test_reasons_are_those_of_the_service(made, scoring_home):
    folder, frame, _ = made
    scorer = scorer_of(scoring_home)
    records = scorer.validator.validate(frame.drop(columns="note").head(50).to_dict("records"))
    found = pq.read_table(folder / "explained.parquet").slice(0, 50)
    assert [each.encode() for each in found["reasons"].to_pylist()] == scorer.explain(records)
    assert found["summary"].to_pylist() == [orjson.loads(each)["summary"] for each in scorer.explain(records)]


def test_outputs_name_model_schema_input_and_threshold(made, scoring_home):
    folder, _, _ = made
    scorer = scorer_of(scoring_home)
    metadata = pq.read_schema(folder / "out.parquet").metadata
    assert metadata[b"churn.model_version"].decode() == scorer.tag
    assert metadata[b"churn.schema_sha256"].decode() == scorer.schema.digest
    assert float(metadata[b"churn.threshold"]) == scorer.threshold
    beside = json.loads((folder / "out.csv.metadata.json").read_text(encoding="utf-8"))
    assert beside["input_sha256"] == metadata[b"churn.input_sha256"].decode()
    assert (beside["rows"], beside["scored"], beside["rejected"]) == (ROWS, ROWS, 0)
    assert sum(tenth["rows"] for tenth in beside["tenths"]) == ROWS


def test_a_folder_has_parts_and_then_a_mark(made):
    folder, _, _ = made
    found = contents(folder / "parts")
    assert sorted(found) == ["_SUCCESS", "_run.json", "part-00000.csv"]
    assert json.loads(found["_SUCCESS"])["scored"] == ROWS
    run = json.loads(found["_run.json"])
    assert run["format"] == "csv"
    assert run["model_version"] == json.loads(found["_SUCCESS"])["model_version"]


def test_the_summary_says_what_came_out_and_fits_a_terminal(made, scoring_home):
    _, _, done = made
    out = done[0].out
    assert f"scored                     {ROWS:,} rows in" in out
    assert max(len(line) for line in out.splitlines() if "/" not in line) <= 80
    runs = [json.loads(line) for line in (scoring_home.path / "logs/scoring.jsonl").read_text().splitlines()]
    assert len(runs) == len(done)
    assert runs[0]["rows"] == ROWS
    assert runs[0]["model_version"] == scorer_of(scoring_home).tag


def test_an_unseen_category_is_scored_with_a_warning(scoring_home, tmp_path):
    frame = customers(4)
    frame.loc[2, "region"] = "XX"
    frame.to_csv(tmp_path / "in.csv", index=False)
    (done,) = score_each(scoring_home, (tmp_path / "in.csv", "--out", tmp_path / "out.csv"))
    assert done.code == 0
    warnings = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)["warnings"].tolist()
    assert warnings == ["", "", "region 'XX' was not seen in training; scored as unknown", ""]


@pytest.mark.slow
def test_an_expected_profit_is_that_of_the_campaign(home, tmp_path):
    campaign = ("--contact-cost", "2", "--customer-value", "60", "--success-rate", "0.25")
    trained = home.run("train.py", "--threshold", "cost", *campaign)
    assert trained.returncode == 0, trained.stderr
    customers(500).to_parquet(tmp_path / "in.parquet")
    (done,) = score_each(home, (tmp_path / "in.parquet", "--out", tmp_path / "out/"))
    found = pq.read_table(tmp_path / "out/part-00000.parquet").to_pandas()
    contacted = found[found.prediction == 1].probability
    said = json.loads((tmp_path / "out/_SUCCESS").read_text(encoding="utf-8"))["expected_profit"]
    assert said == pytest.approx(float(np.sum(contacted * 15 - 2)), abs=1e-3)
    assert f"{said:,.2f} of contacting those" in done.out


@pytest.mark.slow
def test_journaled_rows_are_seen_by_drift(home_with_model, tmp_path):
    frame = customers(600)
    frame["tenure_months"] = 200 - frame["tenure_months"]
    frame.to_parquet(tmp_path / "in.parquet")
    (done,) = score_each(home_with_model, (tmp_path / "in.parquet", "--out", tmp_path / "out.parquet", "--journal"))
    assert done.code == 0, done.err
    lines = [json.loads(line) for line in home_with_model.journal_lines()]
    digest = pq.read_schema(tmp_path / "out.parquet").metadata[b"churn.input_sha256"].decode()
    assert [line["request_id"] for line in lines] == [f"{digest[:12]}-{number}" for number in range(1, 601)]
    assert [line["probability"] for line in lines] == pq.read_table(tmp_path / "out.parquet")["probability"].to_pylist()
    drift = home_with_model.run("drift.py")
    assert drift.returncode == 3, drift.stdout + drift.stderr
    assert "tenure_months" in drift.stdout


def test_csv_has_the_numbers_of_the_services_json(tmp_path):
    """Arrow alone writes 1 for 1.0 and 0.0000014 for 1.4e-6."""
    values = [0.0, 1.0, 0.1, 1.3763500419372576e-06, 9.999999747378752e-06, 1e-30, 0.3341430723667145]
    batch = pa.record_batch({"probability": values, "prediction": pa.array([0] * 7, pa.int8())})
    with open_writer("csv", tmp_path / "out.csv", batch.schema) as writer:
        writer.write(batch)
    header, *lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert header == "probability,prediction"
    assert lines == [f"{orjson.dumps(value).decode()},0" for value in values]
