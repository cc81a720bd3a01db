"""What `train.py` says and does when a file that it is given cannot be used."""

import hashlib

import duckdb
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

HEADER = "tenure_months,num_complaints,avg_session_minutes,plan_type,region,churn\n"
VALID = HEADER + "48,0,60.5,premium,EU,0\n2,5,10,basic,NA,1\n" * 50


def snapshot(folder) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in folder.rglob("*")
    }


def parquet_cut_off(folder) -> bytes:
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 1 AS churn) TO '{folder / 'whole.parquet'}' (FORMAT parquet)")
    return (folder / "whole.parquet").read_bytes()[:-20]


BAD = {
    "target": (VALID + "1,1,1,basic,EU,yes\n", "line 102, column churn: 'yes' is not a target; allowed: 0 or 1"),
    "columns": (VALID.replace("churn", "Churn"), "column 'Churn' is not expected; did you mean 'churn'?"),
    "missing": (VALID + "1,1,1,a,,1\n" * 42, "column region: 29.6% of the values are missing"),
    "encoding": (VALID.encode("utf-16"), "the file is UTF-16; save it as UTF-8"),
    "page": (
        "<!DOCTYPE html>\n<html><body>Please log in</body></html>",
        "byte 0: the file is an HTML page; export its",
    ),
    "levels": (
        HEADER + "".join(f"1,1,1,basic,C-{n},{n % 2}\n" for n in range(5_000)),
        "column region: 5,000 different texts",
    ),
    "cut off": (parquet_cut_off, "is cut off"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data_exits_2_and_changes_nothing(home_with_model, tmp_path, name):
    content, expected = BAD[name]
    suffix = "csv"
    if callable(content):
        content, suffix = content(tmp_path), "parquet"
    path = tmp_path / f"customers.{suffix}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = snapshot(home_with_model.path)
    done = home_with_model.run("train.py", "--data", str(path))
    assert done.returncode == 2
    assert expected in done.stderr
    assert done.stderr.startswith(f"train.py: {path} ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert snapshot(home_with_model.path) == before


@pytest.mark.slow
def test_a_holdout_that_was_trained_on_evaluates_nothing(home, tmp_path):
    """A model that learnt noise by heart would pass the gate on it."""
    frame = pd.read_csv(ROOT / "data" / "churn.csv", keep_default_na=False)
    frame["churn"] = np.random.default_rng(5).integers(0, 2, len(frame))
    noise, fresh, mixed = tmp_path / "noise.csv", tmp_path / "fresh.csv", tmp_path / "mixed.csv"
    frame.to_csv(noise, index=False)
    command = ("train.py", "--data", str(noise), "--model", "hist-gradient-boosting", "--holdout")
    refused = home.run(*command, str(noise))
    assert refused.returncode == 2
    assert "only 0 of 1,200 customers are not in" in refused.stderr
    assert not (home.path / "registry").exists()
    made = home.run("-m", "churn.dataset", "generate", "--rows", "600", "--seed", "8", "--out", str(fresh))
    assert made.returncode == 0
    pd.concat([frame, pd.read_csv(fresh, keep_default_na=False)]).to_csv(mixed, index=False)
    evaluated = home.run(*command, str(mixed))
    assert evaluated.returncode == 3, evaluated.stdout
    assert "1,200 of 1,800 rows of" in evaluated.stderr


@pytest.mark.slow
def test_a_holdout_is_checked_like_the_data(home, tmp_path):
    (tmp_path / "good.csv").write_text(VALID)
    done = home.run("train.py", "--data", str(tmp_path / "good.csv"), "--holdout", str(tmp_path / "none.csv"))
    assert done.returncode == 2
    assert done.stderr == f"train.py: {tmp_path / 'none.csv'} cannot be read: there is no such file\n"
    assert snapshot(home.path) == {}
    done = home.run("train.py", "--data", str(tmp_path / "good.csv"), "--holdout", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == f"train.py: {tmp_path} cannot be read: it is a folder without a file *.parquet\n"


def test_a_report_replaces_no_file_that_is_read(home, tmp_path):
    data = tmp_path / "own.csv"
    data.write_text("precious", encoding="utf-8")
    done = home.run("train.py", "--data", str(data), "--report", str(data))
    assert done.returncode == 2
    assert "--report" in done.stderr
    assert "would replace the file of --data" in " ".join(done.stderr.split())
    assert data.read_text(encoding="utf-8") == "precious"
