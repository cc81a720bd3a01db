"""`python train.py` as a user runs it: what it leaves behind, what it prints, how it ends."""

import hashlib
import json
import tarfile
import zipfile

import httpx
import pytest
from conftest import start_server

from train import main

ENTRY = {
    "model_tag",
    "model_file",
    "sha256",
    "version",
    "trained_at_utc",
    "data_file",
    "data_sha256",
    "rows",
    "seed",
    "metrics",
    "threshold",
    "decision",
    "gate",
    "passed_gate",
    "library_versions",
}
METRICS = {"accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "brier", "baseline_f1", "calibration_error"}


def metadata(home):
    return json.loads((home.registry / "metadata.json").read_text(encoding="utf-8"))


def test_a_promoted_model_leaves_archive_metadata_statistics_and_pointer(trained_home):
    (entry,) = metadata(trained_home)
    assert set(entry) >= ENTRY
    assert set(entry["metrics"]) >= METRICS
    assert all(0 <= value <= 1 for name, value in entry["metrics"].items() if name != "lift_top_tenth")
    assert entry["metrics"]["lift_top_tenth"] > 1
    for name, (low, high) in entry["metric_intervals"].items():
        assert low <= entry["metrics"][name] <= high
    archive = trained_home.path / "models" / "churn_model_v1-v1.bentomodel"
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == entry["sha256"]
    assert entry["model_tag"] == "churn_model_v1:v1"
    assert entry["rows"] == 1200
    assert entry["judged_on"] == "out-of-fold"
    assert entry["passed_gate"] is True
    assert entry["decision"] == {"objective": "f1"}
    assert entry["gate"]["passed"] is True
    assert {"scikit-learn", "pandas", "numpy", "skops"} <= set(entry["library_versions"])
    assert trained_home.pointer.read_text(encoding="utf-8") == "churn_model_v1:v1\n"
    statistics = json.loads((trained_home.registry / "train_stats.json").read_text(encoding="utf-8"))
    assert set(statistics) == {"tenure_months", "num_complaints", "avg_session_minutes"}
    assert statistics["tenure_months"]["mean"] == pytest.approx(30, abs=1.5)
    assert statistics["avg_session_minutes"]["std"] == pytest.approx(12, abs=1)


def test_the_stored_model_holds_its_files(trained_home):
    (folder,) = (trained_home.bentoml_home / "models" / "churn_model_v1").glob("v1")
    assert {"model.onnx", "model.skops", "reference.json", "golden.json", "card.json"} <= {
        path.name for path in folder.iterdir()
    }
    golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    assert len(golden["records"]) == 8
    assert golden["records"][-1]["customer"]["region"] == "GOLDEN UNSEEN"


def test_no_file_that_a_pod_fetches_is_a_pickle(trained_home, tmp_path):
    with tarfile.open(trained_home.path / "models" / "churn_model_v1-v1.bentomodel") as archive:
        archive.extractall(tmp_path, filter="data")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert "model.skops" in {path.name for path in files}
    for path in files:
        parts = [path.read_bytes()]
        if path.suffix == ".skops":
            with zipfile.ZipFile(path) as zipped:
                parts = [zipped.read(name) for name in zipped.namelist()]
        assert not any(b"pickle" in part or part.startswith(b"\x80") for part in parts), path.name


def test_a_refused_model_is_kept_and_the_pointer_untouched(home_with_model):
    before = home_with_model.pointer.read_bytes()
    done = home_with_model.run("train.py", "--gate-f1", "0.99")
    assert done.returncode == 3
    assert home_with_model.pointer.read_bytes() == before
    assert "refused by the gate (f1)" in done.stdout
    assert "0.9900" in done.stdout
    first, refused = metadata(home_with_model)
    assert refused["model_tag"] == "churn_model_v1:v2"
    assert refused["passed_gate"] is False
    assert [check["rule"] for check in refused["gate"]["checks"] if not check["passed"]] == ["f1"]
    assert (home_with_model.path / "models" / "churn_model_v1-v2.bentomodel").exists()
    # Same data, same seed: identical to the last digit.
    assert refused["metrics"] == first["metrics"]
    assert refused["threshold"] == first["threshold"]


@pytest.mark.slow
def test_force_promotes_against_the_verdict_and_records_the_reason(home):
    done = home.run("train.py", "--gate-f1", "0.99", "--force-reason", "the board wants it", "--version", "forced-1")
    assert done.returncode == 0, done.stderr
    assert home.pointer.read_text(encoding="utf-8") == "churn_model_v1:forced-1\n"
    (entry,) = metadata(home)
    assert entry["gate"]["forced"] == "the board wants it"
    assert entry["passed_gate"] is False
    assert "promoted by force: the board wants it" in " ".join(done.stdout.split())


@pytest.mark.slow
def test_the_other_estimator_a_holdout_and_parquet_go_the_same_way(home, tmp_path):
    for name, seed in (("train.parquet", "1"), ("holdout.csv", "2")):
        made = home.run(
            "-m", "churn.dataset", "generate", "--rows", "900", "--seed", seed, "--out", str(tmp_path / name)
        )
        assert made.returncode == 0, made.stderr
    arguments = ("--data", str(tmp_path / "train.parquet"), "--holdout", str(tmp_path / "holdout.csv"))
    done = home.run("train.py", "--model", "hist-gradient-boosting", *arguments, MODEL_NAME="boosted")
    assert done.returncode == 0, done.stdout + done.stderr
    (entry,) = metadata(home)
    assert entry["model_tag"] == "boosted:v1"
    assert entry["judged_on"] == "holdout.csv"
    assert entry["rows"] == 900


def test_a_version_that_exists_is_refused_before_anything_is_written(home_with_model):
    before = {path: path.read_bytes() for path in home_with_model.path.rglob("*") if path.is_file()}
    done = home_with_model.run("train.py", "--version", "v1")
    assert done.returncode == 2
    assert "v1" in done.stderr
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in home_with_model.path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--model", "forest"),
            "Invalid value for '--model': 'forest' is not one of 'logistic', 'hist-gradient-boosting'",
        ),
        (("--seed", "-1"), "'-1' is not a whole number from 0 to 4294967295"),
        (("--gate-f1", "high"), "'high' is not a number from 0 to 1"),
        (("--gate-f1", "1.5"), "'1.5' is not a number from 0 to 1"),
        (("--force-reason", " "), "the reason is empty"),
        (("--nonsense",), "No such option '--nonsense'"),
    ],
)
def test_bad_usage_exits_2_and_says_what_is_allowed(home, arguments, message):
    done = home.run("train.py", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(home.path.iterdir()) == []


CAMPAIGN = ("--contact-cost", "10", "--customer-value", "100", "--success-rate", "0.25")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--contact-cost", "1"), "--contact-cost goes with --threshold cost only; this is --threshold f1"),
        (
            ("--threshold", "top", "--top", "0.1", *CAMPAIGN[2:4]),
            "--customer-value goes with --threshold cost only; this",
        ),
        (("--threshold", "cost"), "--threshold cost needs --contact-cost and --customer-value and --success-rate too"),
        (("--threshold", "cost", *CAMPAIGN[:4]), "--threshold cost needs --success-rate too"),
        (("--threshold", "cost", *CAMPAIGN, "--top", "0.1"), "--top goes with --threshold top only"),
        (("--top", "0.1"), "--top goes with --threshold top only; this is --threshold f1"),
        (("--threshold", "top"), "--threshold top needs --top too"),
        (("--threshold", "top", "--top", "0"), "--top 0 is not allowed; allowed: a share between 0 and 1, such as 0.1"),
        (("--threshold", "top", "--top", "1"), "--top 1 is not allowed"),
        (
            ("--threshold", "top", "--top", "0.1", "--gate-f1", "0.5"),
            "--gate-f1 asks for F1, which --threshold top does",
        ),
        (("--threshold", "cost", *CAMPAIGN, "--gate-f1", "0.5"), "--gate-f1 asks for F1, which --threshold cost does"),
        (
            ("--threshold", "cost", *CAMPAIGN[:4], "--success-rate", "0.1"),
            "no contact can pay: it costs 10 and brings at",
        ),
        (("--threshold", "cost", *CAMPAIGN[:4], "--success-rate", "0"), "--success-rate 0 is not allowed"),
        (("--threshold", "cost", *CAMPAIGN[:2], "--customer-value", "0", *CAMPAIGN[4:]), "--customer-value 0 is not"),
    ],
)
def test_options_of_a_threshold_that_do_not_go_together_are_one_plain_line(capsys, arguments, message):
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"train.py: {message}")
    assert said.err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["logistic", "hist-gradient-boosting"])
def test_a_threshold_for_profit_is_recorded_with_its_figures_wherever_the_model_is_described(home, estimator):
    done = home.run("train.py", "--threshold", "cost", *CAMPAIGN, "--model", estimator)
    assert done.returncode == 0, done.stdout + done.stderr
    (entry,) = metadata(home)
    profit = entry["decision"].pop("expected_profit")
    assert entry["decision"] == {
        "objective": "cost",
        "contact_cost": 10,
        "customer_value": 100,
        "success_rate": 0.25,
    }
    # Of nested decisions, whose counts the metrics give: profit = TP S V / n - (TP + FP) C / n.
    metrics, rows = entry["metrics"], entry["rows"]
    churners = metrics["baseline_f1"] / (2 - metrics["baseline_f1"]) * rows
    reached = metrics["recall"] * churners
    assert profit["value"] == pytest.approx((reached * 25 - reached / metrics["precision"] * 10) / rows)
    assert profit["low"] < profit["value"] < profit["high"]
    (folder,) = (home.bentoml_home / "models" / "churn_model_v1").glob("v1")
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert card["decision"] == entry["decision"] | {"expected_profit": profit}
    assert 0.35 < card["threshold"] == entry["threshold"] < 0.45
    rules = [check["rule"] for check in entry["gate"]["checks"]]
    assert rules[0] == "profit_gain_upper_bound"
    assert "f1" not in rules
    said = " ".join(done.stdout.split())
    assert f"Expected profit per 1,000 customers: {profit['value'] * 1000:,.2f} (95 % from" in said
    assert "The F1 of 0.6 that the schema asks for is not asked of this threshold" in said
    server = start_server(home)
    try:
        assert httpx.get(f"{server.url}/model").json()["decision"] == card["decision"]
    finally:
        server.stop()


@pytest.mark.slow
def test_a_threshold_for_a_share_contacts_that_share(home):
    done = home.run("train.py", "--threshold", "top", "--top", "0.2")
    assert done.returncode == 0, done.stdout + done.stderr
    (entry,) = metadata(home)
    assert entry["decision"] == {"objective": "top", "share": 0.2}
    metrics = entry["metrics"]
    churners = metrics["baseline_f1"] / (2 - metrics["baseline_f1"])
    assert metrics["recall"] * churners / metrics["precision"] == pytest.approx(0.2, abs=0.02)
    assert entry["gate"]["checks"][0]["rule"] == "precision_gain_lower_bound"
