"""Each alert fires on recorded metrics and stops, says what `description` promises, and leads to its runbook."""

import os
import re
import shutil
import subprocess

import pytest
import yaml
from conftest import ROOT

ALERTS = ROOT / "docs" / "alerts.yaml"
RULES = {rule["alert"]: rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]}
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
CASES = yaml.safe_load((ROOT / "tests" / "alert_cases.yaml").read_text())
SERVICE = {"namespace": "churn-mlops", "job": "churn"}


def promtool(*arguments):
    """Run promtool, which CI has: without it nothing says whether an alert can fire."""
    if shutil.which("promtool") is None:
        assert "CI" not in os.environ, "promtool is missing: apt-get install prometheus"
        pytest.skip("promtool is missing: apt-get install prometheus")
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)


def labels(of):
    """The labels of a pod, of the service, or those that are given."""
    if isinstance(of, dict):
        return of
    return SERVICE if of == "service" else SERVICE | {"pod": of, "instance": f"{of}:8000"}


def recorded(series, values):
    pod, _, metric = series.rpartition(" ")
    if pod:
        name, _, own = metric.rstrip("}").partition("{")
        shared = ",".join(f"{label}='{value}'" for label, value in labels(pod).items())
        metric = f"{name}{{{shared}{',' if own else ''}{own}}}"
    return {"series": metric, "values": str(values)}


def expected(alert, fired):
    """What promtool expects of an alert at one time: its labels and its annotations as they are read, or nothing."""
    rule = RULES[alert]
    return [
        {
            "exp_labels": labels(one["of"]) | one.get("labels", {}) | rule["labels"],
            "exp_annotations": rule["annotations"] | {"description": one["says"]},
        }
        for one in fired
    ]


def as_test(case):
    """A case in promtool's form."""
    moments = {time: [fired] for time, fired in case.get("fires", {}).items()} | {time: [] for time in case["quiet"]}
    return {
        "interval": case.get("interval", "1m"),
        "input_series": [recorded(*item) for item in case["series"].items()],
        "alert_rule_test": [
            {"eval_time": time, "alertname": case["alert"], "exp_alerts": expected(case["alert"], fired)}
            for time, fired in moments.items()
        ],
    }


def test_prometheus_reads_the_rules():
    checked = promtool("check", "rules", str(ALERTS))
    assert (checked.returncode, f"{len(RULES)} rules found" in checked.stdout) == (0, True), checked.stderr


def test_each_alert_fires_and_stops(tmp_path):
    """Each beside its own rule alone: with all of them, promtool evaluates sixteen where one is asked for."""
    files = []
    for number, case in enumerate(CASES):
        rules, tests = tmp_path / f"{number}-rule.yaml", tmp_path / f"{number}-case.yaml"
        rules.write_text(yaml.safe_dump({"groups": [{"name": "one", "rules": [RULES[case["alert"]]]}]}))
        whole = {
            "rule_files": [str(rules)],
            "evaluation_interval": case.get("interval", "1m"),
            "tests": [as_test(case)],
        }
        tests.write_text(yaml.safe_dump(whole))
        files.append(str(tests))
    ran = promtool("test", "rules", *files)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_there_is_a_case_of_each_alert():
    assert {case["alert"] for case in CASES if case.get("fires")} == set(RULES)
    assert all(case["quiet"] for case in CASES)


@pytest.mark.parametrize("alert", RULES)
def test_each_alert_says_what_how_bad_and_what_to_do(alert):
    rule = RULES[alert]
    assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert f"### {alert}\n" in OPERATIONS


def test_the_runbooks_have_one_address():
    urls = {alert: rule["annotations"]["runbook_url"] for alert, rule in RULES.items()}
    (base,) = {url.partition("#")[0] for url in urls.values()}
    assert re.fullmatch(r"https://[^ #]+/docs/operations\.md", base)
    assert urls == {alert: f"{base}#{alert.lower()}" for alert in RULES}
