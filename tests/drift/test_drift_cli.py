"""`python drift.py`, as a user and as a CronJob run it."""

import io
import json
import os
import re
import shutil
import sys
import time
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest
from conftest import ROOT, Home
from drift_samples import TAG, customers, line, make_report, write_journal
from peak_memory import run_measured
from rich.console import Console
from test_drift_alert import Receiver

import drift
from churn.drift.labels import LabelCounts
from churn.drift.performance import ModelPerformance, Performance, Realised
from churn.drift.terminal import print_performance, print_report
from churn.evaluation import Metric
from churn.journal.record import FutureLines
from churn.page.words import p_value
from churn.settings import DriftSettings

NO_DRIFT, BAD_INPUT, DRIFT, CANNOT_JUDGE = 0, 2, 3, 4
TOKEN = "monitoring-s3cret"


@pytest.fixture
def drift_home(tmp_path, trained_home, monkeypatch) -> Home:
    """A trained home of one's own, for `drift.main` in this process and for the real command."""
    home = Home(tmp_path / "home", trained_home.bentoml_home)
    shutil.copytree(trained_home.path, home.path, ignore=shutil.ignore_patterns("logs", "*.log"))
    for name in [name for name in os.environ if name.startswith(("CHURN_", "MONITORING"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CHURN_HOME", str(home.path))
    monkeypatch.setenv("BENTOML_HOME", str(home.bentoml_home))
    return home


def lines_of(rows, seed=1, model=TAG, ts=None, start=0, **changes):
    more = {} if ts is None else {"ts": ts}
    columns, probability = customers(np.random.default_rng(seed), rows, **changes)
    for number in range(rows):
        features = {name: values[number].item() for name, values in columns.items()}
        yield line(
            start + number, model, f"{seed}-{number}", features=features, probability=float(probability[number]), **more
        )


def log(home, *lines):
    return write_journal(home.path / "logs" / "predictions-host-1.jsonl", *lines)


def in_years(rows=500):
    return {"tenure_months": np.floor(np.random.default_rng(2).integers(1, 60, rows) / 12)}


def run(capsys, *arguments):
    code = drift.main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_no_drift_is_0_with_table_lab_lines_and_reports(drift_home):
    log(drift_home, *lines_of(500))
    done = drift_home.run("drift.py")
    assert (done.returncode, done.stderr) == (NO_DRIFT, "")
    assert re.search(r"^tenure_months: z=0\.0\d, drift=False$", done.stdout, re.MULTILINE)
    assert done.stdout.rstrip().endswith("nothing to do.")
    report = json.loads((drift_home.registry / "drift_report.json").read_bytes())
    assert (report["drift"], report["window"]["rows"], report["alert"]) == (False, 500, None)
    assert (drift_home.registry / "drift_report.html").read_bytes().startswith(b"<!doctype html>")


def test_drift_is_3_and_named(drift_home, capsys, tmp_path):
    log(drift_home, *lines_of(500, **in_years()))
    files = tmp_path / "mine.json", tmp_path / "mine.html"
    code, out, err = run(capsys, "--json", str(files[0]), "--html", str(files[1]))
    assert (code, err) == (DRIFT, "")
    assert "Drift in the last 500 predictions" in out
    assert json.loads(files[0].read_bytes())["drifted_features"] == ["tenure_months"]
    assert files[0].read_bytes() == (drift_home.registry / "drift_report.json").read_bytes()
    assert files[1].read_bytes() == (drift_home.registry / "drift_report.html").read_bytes()


def test_the_window_is_what_the_options_ask_for(drift_home, capsys):
    log(drift_home, *lines_of(300, **in_years(300)), *lines_of(200, start=300))
    assert run(capsys, "--last-n", "200", "--min-rows", "200")[0] == NO_DRIFT
    assert run(capsys, "--since", "2024-11-20T00:00Z")[0] == DRIFT
    assert run(capsys, "--since", "2024-11-20T00:00Z", "--last-n", "200")[0] == NO_DRIFT
    code, _, err = run(capsys, "--since", "1s")
    assert (code, "no record of churn_model_v1:v1 since" in err) == (CANNOT_JUDGE, True)


def test_a_line_of_another_time_changes_nothing(drift_home, capsys):
    half_an_hour_ago = (datetime.now(UTC) - timedelta(minutes=30)).isoformat()
    set_back = (datetime.now(UTC) - timedelta(hours=3)).isoformat()
    log(drift_home, *lines_of(300, ts=half_an_hour_ago), line(ts=set_back), line(ts="20260-11-24T12:00:00Z"))
    for arguments in (("--since", "1h"), ("--last-n", "150000")):
        code, out, err = run(capsys, *arguments)
        assert (code, err) == (NO_DRIFT, "")
        assert "No drift: the last 30" in out


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (None, "there is no prediction log in"),
        ([b""], "is empty"),
        ([b"garbage\n", b"{half"], "has only broken lines (2)"),
        (
            list(lines_of(150, model="other:v9")),
            "has no record of the served model churn_model_v1:v1, only of others: other:v9",
        ),
        (list(lines_of(99)), "has only 99 logged predictions in this window, --min-rows asks for 100"),
    ],
    ids=["no log", "empty", "broken", "another model", "too few"],
)
def test_what_cannot_be_judged_is_4_and_says_why(drift_home, capsys, lines, message):
    if lines is not None:
        log(drift_home, *lines)
    code, out, err = run(capsys)
    assert (code, out) == (CANNOT_JUDGE, "")
    assert err.startswith("drift.py: cannot judge: ")
    assert message in err
    assert not (drift_home.registry / "drift_report.json").exists()


def test_a_reference_of_a_newer_format_is_2(drift_home, capsys, monkeypatch, tmp_path):
    log(drift_home, *lines_of(100))
    (tmp_path / "reference.json").write_text('{"format_version": 2}')
    monkeypatch.setattr("churn.registry.Registry.fetch", lambda self, tag: tmp_path)
    code, _, err = run(capsys)
    assert code == BAD_INPUT
    assert "has format 2, this program reads format 1" in err


def test_without_a_model_it_is_2(home, capsys, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(home.path))
    code, _, err = run(capsys)
    assert (code, err.startswith("drift.py: ")) == (BAD_INPUT, True)
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--last-n", "0"), "'0' is not a whole number from 1"),
        (("--since", "yesterday"), "'yesterday' is neither a time span like 24h nor a time"),
        (("--since", "999999w"), "goes back too far"),
        (("--alpha", "nan"), "'nan' is not a number from 1e-09"),
        (("--frobnicate",), "No such option '--frobnicate'"),
        (("performance",), "--labels"),
    ],
)
def test_bad_usage_is_2(drift_home, capsys, arguments, message):
    assert drift.main(arguments) == BAD_INPUT
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", [(), ("performance",)], ids=["drift", "performance"])
def test_help_says_which_setting_changes_a_default(capsys, monkeypatch, command):
    monkeypatch.setenv("CHURN_DRIFT_MIN_ROWS", "7")
    assert drift.main([*command, "--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for field in [field for field in fields(DriftSettings) if not command or field.name == "min_rows"]:
        (default,) = re.findall(rf"--{field.name.replace('_', '-')} X [^[]*\[default: (.*?)\]", out)
        assert default == f"$CHURN_DRIFT_{field.name.upper()}, else {field.default}"
    if not command:
        assert "Take the last N predictions. [default: 500, or no limit with --since]" in out


def test_help_and_bad_usage_wait_for_no_import(drift_home):
    heavy = "{'numpy', 'duckdb', 'pydantic', 'rich', 'bentoml', 'churn.drift.run'}"
    for arguments in (["--help"], ["--since", "1h", "--alpha", "2"]):
        program = f"import atexit, sys; atexit.register(lambda: print({heavy} & set(sys.modules))); import drift"
        done = drift_home.run("-c", f"{program}; drift.main({arguments})")
        assert done.stdout.splitlines()[-1] == "set()", done.stderr


def test_a_bad_setting_is_2(drift_home, capsys, monkeypatch):
    monkeypatch.setenv("CHURN_DRIFT_ALPHA", "lots")
    code, _, err = run(capsys)
    assert (code, "CHURN_DRIFT_ALPHA='lots' is not allowed" in err) == (BAD_INPUT, True)


def test_thresholds_are_settings_and_options_win(drift_home, capsys, monkeypatch):
    log(drift_home, *lines_of(500, **in_years()))
    monkeypatch.setenv("CHURN_DRIFT_ALPHA", "1e-9")
    monkeypatch.setenv("CHURN_DRIFT_DISTANCE", "50")
    monkeypatch.setenv("CHURN_DRIFT_PSI", "50")
    monkeypatch.setenv("CHURN_DRIFT_SHARE", "1")
    assert run(capsys)[0] == NO_DRIFT
    code, out, _ = run(capsys, "--distance", "0.2", "--z-threshold", "0.5")
    assert code == DRIFT
    assert "tenure_months: z=1.6" in out


def test_a_report_that_was_asked_for_and_cannot_be_written_is_2(drift_home, capsys, tmp_path):
    log(drift_home, *lines_of(100))
    code, _, err = run(capsys, "--json", str(tmp_path / "absent" / "x.json"))
    assert code == BAD_INPUT
    assert "x.json cannot be written: No such file" in err


@pytest.fixture
def receiver():
    running = Receiver()
    yield running
    running.stop()


def test_an_alert_is_sent_once_a_window(drift_home, capsys, monkeypatch, receiver):
    monkeypatch.setenv("CHURN_ALERT_URL", receiver.url)
    monkeypatch.setenv("MONITORING_TOKEN", TOKEN)
    path = log(drift_home, *lines_of(500, **in_years()))
    code, out, err = run(capsys)
    assert (code, len(receiver.requests)) == (DRIFT, 1)
    assert receiver.requests[0][0]["Authorization"] == f"Bearer {TOKEN}"
    assert "alert sent: 127.0.0.1 took the alert" in err
    assert "s3cret" not in out + err
    code, _, err = run(capsys)
    assert (code, len(receiver.requests)) == (DRIFT, 1)
    assert "delivered by an earlier run; not sent again" in err
    with path.open("ab") as file:
        file.write(line(600, request_id="later"))
    assert run(capsys)[0] == DRIFT
    assert len(receiver.requests) == 2, "another window"


def test_an_alert_that_fails_is_said_counted_and_tried_again_by_the_next_run(drift_home, capsys, monkeypatch, receiver):
    monkeypatch.setenv("CHURN_ALERT_URL", receiver.url)
    monkeypatch.setenv("MONITORING_TOKEN", TOKEN)
    receiver.answers = [401, 200]
    log(drift_home, *lines_of(500, **in_years()))
    code, out, err = run(capsys)
    assert code == DRIFT
    assert "ALERT NOT SENT: 127.0.0.1 did not take the alert in 1 attempt: it answered 401" in err
    assert "s3cret" not in out + err
    report = (drift_home.registry / "drift_report.json").read_text()
    assert (json.loads(report)["alert"]["delivered"], json.loads(report)["alert"]["failures"]) == (False, 1)
    assert "s3cret" not in report
    assert run(capsys)[0] == DRIFT
    assert len(receiver.requests) == 2
    assert receiver.requests[0][0]["Idempotency-Key"] == receiver.requests[1][0]["Idempotency-Key"]


def test_no_alert_without_drift(drift_home, capsys, monkeypatch, receiver):
    monkeypatch.setenv("CHURN_ALERT_URL", receiver.url)
    log(drift_home, *lines_of(500))
    assert run(capsys)[0] == NO_DRIFT
    assert receiver.requests == []


def test_drift_leaves_pandas_and_scipy_stats_alone(drift_home):
    """They would take longer to import than a window takes to judge."""
    log(drift_home, *lines_of(200))
    heavy = "('pandas', 'scipy.stats', 'sklearn')"
    done = drift_home.run("-c", f"import sys, drift; drift.main([]); print([m for m in {heavy} if m in sys.modules])")
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_a_large_journal_is_read_in_bounded_memory_and_its_end_at_once(drift_home):
    """2,000,000 lines, a fifth of what is promised, in a fifth of the time and all of the memory."""
    block = b"".join(lines_of(20_000))
    for part in range(10):
        write_journal(drift_home.path / "logs" / f"predictions-host-{part}.jsonl", block * 10)
    limits = {("--last-n", "500"): 6.0, ("--since", "2024-11-01T00:00Z"): 30.0}
    for arguments, seconds in limits.items():
        started = time.monotonic()
        done = run_measured([sys.executable, "drift.py", *arguments], cwd=ROOT, env=drift_home.environment)
        assert time.monotonic() - started < seconds
        assert done.returncode in (NO_DRIFT, DRIFT), done
        assert done.peak_gib < 1
    assert "2,000,000 predictions" in done.stdout


def test_what_the_service_logs_is_judged_and_the_service_shows_the_report(server):
    columns, _ = customers(np.random.default_rng(31), 120, region=np.array(["ZZ"] * 120))
    with httpx.Client(base_url=server.url) as client:
        for number in range(120):
            customer = {name: values[number].item() for name, values in columns.items()}
            whole = {name: int(customer[name]) for name in ("tenure_months", "num_complaints")}
            assert client.post("/predict", json=customer | whole).status_code == 200
        done = server.home.run("drift.py", "--last-n", "120")
        assert (done.returncode, done.stderr) == (DRIFT, "")
        assert "100% of rows in categories that training did not see (ZZ)" in done.stdout
        token = {"Authorization": "Bearer monitoring-secret"}
        report = client.get("/drift", headers=token).json()
        assert (report["drifted_features"][0], report["window"]["rows"]) == ("region", 120)
        page = client.get("/drift", headers=token | {"Accept": "text/html"})
        assert page.headers["content-type"].startswith("text/html")
        assert "features drifted</b> in the last 120 predictions" in page.text
        assert "Months since the customer joined" in page.text  # the schema's words name the axis


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--jensen-shannon", "99"), "'99' is not a number from 0.001 to 1"),
        (("--alpha", "50"), "'50' is not a number from 1e-09 to 0.5"),
        (("--min-rows", "1"), "'1' is not a whole number from 2 to 1000000000"),
        (("--last-n", "99999999999"), "is not a whole number from 1 to 10000000000"),
        (("--since", "1h", "--json", "x.json", "performance", "--labels", "x.csv"), "--since, --json before"),
    ],
)
def test_options_are_held_to_what_the_settings_allow_and_to_their_command(drift_home, arguments, says):
    done = drift_home.run("drift.py", *arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert says in done.stderr


LONG_TAG = f"{'m' * 40}:new"  # of a form that Rich takes for an emoji where a colon follows
LONG_NAME, LONG_CATEGORY = "n" * 64, "x" * 64


def at_a_terminal(show, report, width=80):
    """What is printed at a terminal of that width, and its words without the punctuation around them."""
    sink = io.StringIO()
    show(report, Console(file=sink, width=width, force_terminal=True, color_system=None))
    lines = sink.getvalue().splitlines()
    assert [line for line in lines if len(line) > width and len(line.split()) > 1] == []
    return lines, {word.strip("(),;") for line in lines for word in line.split()}


def long_report():
    generator = np.random.default_rng(21)
    region = np.where(generator.random(500) < 0.15, LONG_CATEGORY, generator.choice(["two words", "EU"], 500))
    report = make_report(generator, region=region, **in_years())
    features = [replace(feature, name=f"{LONG_NAME[:-1]}{n}") for n, feature in enumerate(report.comparison.features)]
    comparison = replace(report.comparison, features=tuple(features))
    window = replace(report.window, model=LONG_TAG, others={f"{'o' * 63}:{'v' * 63}": 1_234_567})
    return replace(report, comparison=comparison, window=window)


def test_the_drift_table_breaks_no_tag_and_no_number_at_80_columns():
    report = long_report()
    lines, words = at_a_terminal(print_report, report)
    assert {f"{LONG_TAG}:", LONG_TAG, f"{'o' * 63}:{'v' * 63}", "1,234,567"} <= words
    for feature in report.comparison.features:
        assert feature.name in lines, "it has a line of its own"
        assert {f"{feature.score:.2f}", *p_value(feature.p_adjusted).split()} <= words
        shown = {"z": "z", "ks": "KS", "psi": "PSI", "jensen_shannon": "JS"}.items()
        assert {f"{label}={feature.figures[key]:.2f}" for key, label in shown if key in feature.figures} <= words
    assert f"{LONG_CATEGORY[:40]}..." in words
    verdicts = [line.split()[-1] for line in lines if re.search(r"DRIFT$|no drift$", line)]
    judged = (*report.comparison.features, report.comparison.prediction)
    assert verdicts == ["DRIFT" if feature.drift else "drift" for feature in judged]


def test_usual_features_have_one_line_with_their_verdict():
    report = make_report(np.random.default_rng(21), **in_years())
    lines, _ = at_a_terminal(print_report, report)
    assert [line.split()[0] for line in lines if re.search("DRIFT$|no drift$", line)] == [
        feature.name for feature in (*report.comparison.features, report.comparison.prediction)
    ]
    position = lines.index("feature             effect/limit p adjusted verdict")
    assert re.fullmatch(r"tenure_months +\d+\.\d\d +< 0\.001 DRIFT", lines[position + 1])
    assert max(map(len, lines)) <= 80


def test_realised_performance_breaks_no_tag_and_no_number_at_80_columns():
    value, promised = Metric(0.7123, 0.6907, 0.7339), Metric(0.8, 0.79, 0.8109)
    names = ("f1", "roc_auc", "log_loss", "calibration_error")
    metrics = tuple(Realised(name, value, promised if name != "f1" else None) for name in names)
    models = (ModelPerformance(LONG_TAG, 12_345, metrics), ModelPerformance("a:new", 7, ()))
    performance = Performance(models, LabelCounts(20_000, 12_352, 3), FutureLines())
    lines, words = at_a_terminal(print_performance, performance)
    assert f"{LONG_TAG} (12,345)" in lines
    assert {"a:new", LONG_TAG, "20,000", "12,352", "7"} <= words
    rows = [line.split() for line in lines if line.strip().startswith(names)]
    figures = ["0.712", "(0.691", "to", "0.734)"]
    assert rows == [
        ["f1", *figures, "unknown", "not", "judged"],
        ["roc_auc", *figures, "0.800", "(0.790", "to", "0.811)", "WORSE"],
        ["log_loss", *figures, "0.800", "(0.790", "to", "0.811)", "as", "promised"],
        ["calibration_error", *figures, "0.800", "(0.790", "to", "0.811)", "as", "promised"],
    ]
