"""`compare`, the pages that `show` and `compare` write, and the width of what the registry's commands print."""

import json
import re

import pytest
from conftest import Home
from registry_home import ENTRY, NAME, model_files, promote, prune, save, save_files, small_home
from test_registry_cli import at_a_terminal, run, run_json

ONE, TWO, PLAIN = (f"{NAME}:v{number}" for number in (1, 2, 3))
LONG = f"{'m' * 40}:{'release-2026.11.28'}"
DIGEST, OTHER = "0123456789abcdef" * 4, "f" * 64
FACTS = {
    "trained_at_utc": "2026-11-28T01:03:29Z",
    "data_file": "C:\\data\\customers.csv",
    "data_sha256": DIGEST,
    "estimator": "logistic",
    "schema": {"name": "churn", "digest": DIGEST},
    "seed": 42,
    "judged_on": "out-of-fold",
    "evaluated_sha256": DIGEST,
    "threshold": 0.37258511131008243,
    "decision": {"objective": "f1"},
    "gate": {"passed": True, "checks": [{"rule": "f1", "figure": 0.7003, "passed": True, "reason": "F1 " * 40}]},
}
COST = {
    "objective": "cost", "contact_cost": 5.0, "customer_value": 1300.0, "success_rate": 0.3,
    "expected_profit": {"value": 41.236, "low": 38.9, "high": 44.0},
}  # fmt: skip
INPUTS = "contact_cost 5.0, customer_value 1,300.0, success_rate 0.3"
REFUSED = {"passed": False, "checks": [{"rule": "f1_gain", "passed": False}, {"rule": "log_loss_gain"}], "forced": "x"}


def reported(registry, name, version, **entry):
    tag = f"{name}:{version}"
    report = {
        "report.html": f"<!doctype html>{tag}".encode(),
        "report.json": json.dumps({"format": 1, "tag": tag}).encode(),
    }
    return save_files(registry, name, version, model_files(version) | report, ENTRY | FACTS | entry)


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """Two models with reports, of which the second's threshold was chosen for profit, and one without."""
    with small_home(tmp_path) as made:
        reported(made, NAME, "v1")
        better = {"f1": 0.72, "roc_auc": 0.7, "log_loss": 0.6, "lift_top_tenth": 1.5}
        reported(made, NAME, "v2", metrics=better, decision=COST, gate=REFUSED, passed_gate=False)
        save(made)
        promote(made, ONE)
        monkeypatch.setenv("CHURN_HOME", str(made.layout.home))
        yield made


def test_two_models_are_shown_side_by_side(registry, capsys):
    code, out, _ = run(capsys, "compare", ONE, TWO)
    assert code == 0
    assert out.splitlines()[:2] == [f"A  {ONE}", f"B  {TWO}"]
    cells = [re.split(r"  +", line) for line in out.splitlines() if "  " in line]
    for row in (
        ["trained (UTC)", "2026-11-28 01:03", "2026-11-28 01:03"],
        ["data", "customers.csv", "customers.csv"],
        ["rows", "1,200", "1,200"],
        ["threshold", "0.37258511131008243", "0.37258511131008243"],
        ["gate", "passed", "refused: f1_gain, log_loss_gain; promoted by force: x"],
        [
            "chosen for",
            "the best F1",
            f"expected profit a customer: 41.24 (38.90 to 44.00); {INPUTS}",
        ],
    ):
        assert row in cells, out
    for row in ("f1 0.7100 0.7200 +0.0100", "log_loss 0.6200 0.6000 -0.0200"):
        assert row in [" ".join(line.split()) for line in out.splitlines()]
    assert "lift_top_tenth not recorded 1.5000 not recorded" in " ".join(out.split())
    assert out.endswith("\nBoth are evaluated on the same rows: the differences are of the models alone.\n")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"evaluated_sha256": OTHER}, r"Each is evaluated on rows of its own .*`churn train` compares "),
        ({"evaluated_sha256": None}, r"rows of its own \(or an earlier release did not record which\)"),
        ({"seed": 43}, r"on the same rows, but in other folds \(another seed\)"),
        ({"decision": {"objective": "top", "share": 0.125}}, r"the top 12.5% of customers"),
    ],
)  # fmt: skip
def test_the_conclusion_says_whether_the_figures_are_of_the_same_rows(registry, capsys, changed, says):
    reported(registry, NAME, "v4", **changed)
    assert re.search(says, run(capsys, "compare", ONE, f"{NAME}:v4")[1])


def test_figures_of_one_holdout_are_of_the_same_rows_whatever_the_models_were_trained_on(registry, capsys):
    for version, data, seed in (("v4", DIGEST, 1), ("v5", OTHER, 2)):
        reported(registry, NAME, version, judged_on="later.csv", data_sha256=data, seed=seed)
    out = run(capsys, "compare", f"{NAME}:v4", f"{NAME}:v5")[1]
    assert "on the same rows: the differences are of the models alone." in out


def test_scripts_are_given_the_facts_and_the_differences(registry, capsys):
    code, compared = run_json(capsys, "compare", ONE, TWO)
    assert (code, compared["same_rows"]) == (0, True)
    assert [model["model_tag"] for model in compared["models"]] == [ONE, TWO]
    assert [model["data_file"] for model in compared["models"]] == ["customers.csv"] * 2
    assert compared["models"][1]["decision"] == COST
    assert compared["metrics"]["f1"] == {"first": 0.71, "second": 0.72, "difference": pytest.approx(0.01)}
    assert compared["metrics"]["lift_top_tenth"] == {"first": None, "second": 1.5, "difference": None}
    code, plain = run_json(capsys, "compare", ONE, PLAIN)
    assert (code, plain["same_rows"]) == (0, False)


def test_show_writes_the_page_as_it_was_saved(registry, capsys, tmp_path):
    page = tmp_path / "model.html"
    page.write_text("an earlier one")
    code, out, _ = run(capsys, "show", ONE, "--html", str(page))
    assert (code, page.read_bytes()) == (0, f"<!doctype html>{ONE}".encode())
    assert "data_sha256" in out
    assert [path.name for path in tmp_path.glob("*.html")] == ["model.html"]
    for spoil in (lambda kept: kept.write_bytes(b"altered"), lambda kept: kept.unlink()):
        spoil(registry.layout.reports / f"{NAME}-v1.html")
        page.unlink()
        assert run(capsys, "show", "--html", str(page))[0] == 0, "of the current model, from its archive"
        assert page.read_bytes() == f"<!doctype html>{ONE}".encode()


def test_verify_names_a_command_that_mends_a_page(registry, capsys):
    kept = registry.layout.reports / f"{NAME}-v1.html"
    kept.unlink()
    (command,) = re.findall("`churn registry (.*)`", run(capsys, "verify")[1])
    assert run(capsys, *command.split())[0] == 0
    assert registry.verify() == []


def test_the_page_of_a_pruned_model_can_still_be_shown(registry, capsys, tmp_path):
    promote(registry, PLAIN)
    reported(registry, NAME, "v4")
    promote(registry, f"{NAME}:v4")
    assert prune(registry, 1) == [ONE, TWO]
    page = tmp_path / "model.html"
    assert run(capsys, "show", TWO, "--html", str(page))[0] == 0
    assert page.read_bytes() == f"<!doctype html>{TWO}".encode()
    code, _, err = run(capsys, "compare", ONE, TWO, "--html", str(page))
    assert (code, "was pruned at" in err) == (2, True)


def test_compare_writes_one_page_of_both_reports(registry, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "churn.model_report.page.render_comparison", lambda first, second: json.dumps([first, second]).encode()
    )
    page = tmp_path / "both.html"
    code, out, _ = run(capsys, "compare", ONE, TWO, "--html", str(page))
    assert (code, f"A  {ONE}" in out) == (0, True)
    assert json.loads(page.read_bytes()) == [{"format": 1, "tag": tag} for tag in (ONE, TWO)]


def test_what_cannot_be_shown_or_written_is_one_line_and_exit_2(registry, capsys, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    page = tmp_path / "x.html"
    for arguments, says in (
        (("show", PLAIN, "--html", str(page)), f"{PLAIN} has no report: an earlier release trained it"),
        (("compare", ONE, PLAIN, "--html", str(page)), f"{PLAIN} has no report: an earlier release trained it"),
        (("compare", ONE, f"{NAME}:v9"), f"there is no model '{NAME}:v9'; did you mean"),
        (("show", ONE, "--html", str(tmp_path / "absent" / "x.html")), "x.html cannot be written: No such file"),
        (("show", ONE, "--html", str(tmp_path / "file" / "x.html")), "x.html cannot be written: Not a directory"),
        (("show", ONE, "--html", str(tmp_path / "folder")), "folder cannot be written: Is a directory"),
        (("show", ONE, "--html", "."), ". cannot be written: "),
        (("show", TWO, "--html", str(tmp_path / ("x" * 300))), "cannot be written: File name too long"),
    ):
        code, out, err = run(capsys, *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1), arguments
        assert says in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bentoml", "file", "folder", "home"]


def test_listing_and_comparing_wait_for_no_page(registry, tmp_path):
    home = Home(registry.layout.home, tmp_path / "bentoml")
    heavy = "{'jinja2', 'sklearn', 'pandas', 'bentoml', 'churn.model_report'}"
    program = f"import sys; from churn.registry.__main__ import main; main({['compare', ONE, TWO]})"
    done = home.run("-c", f"{program}; print({heavy} & set(sys.modules))")
    assert done.stdout.splitlines()[-1] == "set()", done.stderr


def tokens(value):
    """Each number and each text of a JSON value, as they are printed."""
    if isinstance(value, dict):
        return [token for item in value.values() for token in tokens(item)]
    if isinstance(value, list):
        return [token for item in value for token in tokens(item)]
    return value.split() if isinstance(value, str) else [json.dumps(value)]


@pytest.mark.parametrize("command", ["list", "show", "compare"])
def test_no_tag_and_no_number_is_broken_at_80_columns(registry, tmp_path, command):
    name, _, version = LONG.partition(":")
    figures = {"f1": 0.7123456789012345, "roc_auc": 0.6987654321098765, "log_loss": 0.6198765432109876}
    intervals = {"metric_intervals": {key: [value - 0.01, value + 0.01] for key, value in figures.items()}}
    reported(
        registry, name, version, metrics=figures, rows=7043, data_file="x" * 90 + ".csv", decision=COST, **intervals
    )
    arguments = {"list": [], "show": [LONG], "compare": [ONE, LONG]}[command]
    lines = at_a_terminal(Home(registry.layout.home, tmp_path / "bentoml"), command, *arguments).splitlines()
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    assert [line for line in lines if len(line) > 80 and len(line.replace("  B ", "").split()) > 1] == []
    words = {word.strip("[](),;:") for line in lines for word in line.split()}
    facts = registry.entry(LONG).raw
    expected = {
        "list": [LONG, ONE, TWO, "7043", "0.7123", "0.6988", "0.6199"],
        "show": tokens(facts),
        "compare": [LONG, ONE, "7,043", "0.7123", "+0.0023", facts["data_file"], str(facts["threshold"]), "44.00"],
    }[command]
    assert {word.strip("[](),;:") for word in expected} <= words
    if command == "list":
        assert re.search(rf"^  {LONG}\n +2026-11-28 01:03 7043 0\.7123 ", "\n".join(lines), re.MULTILINE)
        assert f"* {ONE} 2026-11-28 01:03 1200 0.7100 0.7000 0.6200 passed kept" in " ".join("\n".join(lines).split())


def test_a_list_in_a_pipe_has_one_line_a_model(registry, capsys):
    name, _, version = LONG.partition(":")
    reported(registry, name, version)
    lines = run(capsys, "list")[1].splitlines()
    assert [line[2:].split()[0] for line in lines] == ["model", ONE, TWO, PLAIN, LONG]
