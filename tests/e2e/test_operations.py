"""What operators are given is true: each query names a metric that is there, each event and reason is explained."""

import json
import re
from pathlib import Path

import httpx
import pytest
from conftest import LEAVING, ROOT, SAFE, wait_until
from test_alerts import OPERATIONS, RULES

DOCS = ROOT / "docs"
QUERIES = [rule["expr"] for rule in RULES.values()]
SOURCES = [path.read_text() for folder in ("churn", "serving") for path in sorted((ROOT / folder).rglob("*.py"))]

TARGET = {"namespace", "job", "pod", "instance"}
"""Labels that Prometheus puts to each series of a target."""


def named(query):
    """The metrics that a query names."""
    return set(re.findall(r"\b(?:churn|bentoml|process)_\w+", query))


@pytest.fixture(scope="module")
def exposed(server):
    """Each metric that /metrics gives once everything has happened once, with its labels."""
    httpx.post(f"{server.url}/predict", json=SAFE)
    httpx.post(f"{server.url}/predict/batch", json={"customers": [SAFE, LEAVING]})
    httpx.get(f"{server.url}/nothing")
    httpx.get(f"{server.url}/livez")
    report = {
        "created_utc": "2026-11-27T03:17:00Z",
        "drift": False,
        "features": [{"name": "region", "score": 0.5}],
        "prediction": {"name": "p", "score": 0.1},
    }
    (server.home.registry / "drift_report.json").write_text(json.dumps(report))
    wait_until(lambda: "churn_drift_score{" in httpx.get(f"{server.url}/metrics").text, server.log.read_text)
    text = httpx.get(f"{server.url}/metrics").text
    found = {}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*?)\})? ", text, re.MULTILINE):
        found.setdefault(name, set()).update(re.findall(r"(\w+)=", labels))
    return found


@pytest.mark.parametrize("query", [query for query in QUERIES if "kube_" not in query])
def test_each_query_names_metrics_and_labels_that_are_there(exposed, query):
    assert named(query)
    assert named(query) <= set(exposed)
    known = {label for metric in named(query) for label in exposed[metric]}
    filters = re.findall(r"(\w+)(?:=~|!~|!=|=)\"", query)
    groups = [label for part in re.findall(r"\b(?:by|on|without) \(([^)]*)\)", query) for label in part.split(", ")]
    assert {*filters, *groups} <= known | TARGET


def test_each_metric_of_ours_is_explained(exposed):
    names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed if name.startswith("churn_")}
    assert len(names) >= 8
    assert {name for name in names if f"`{name}" not in OPERATIONS} == set()


def test_each_log_event_is_explained():
    events = {event for source in SOURCES for event in re.findall(r"\blog\.\w+\(\s*\"([^\"]+)\"", source)}
    assert {"model in service", "journal cannot be written", "request failed"} <= events
    assert {event for event in events if f"`{event}`" not in OPERATIONS} == set()


def test_each_reason_of_a_refusal_is_explained():
    reasons = {
        reason
        for source in SOURCES
        for reason in re.findall(r"HttpError\(\s*\d+,\s*\"(\w+)\"|rejected\(\"(\w+)\"\)", source)
        for reason in reason
        if reason
    }
    assert {"invalid_record", "too_busy", "answer_not_taken"} <= reasons
    assert {reason for reason in reasons if f"`{reason}`" not in OPERATIONS} == set()


def test_each_link_leads_somewhere():
    for file in (DOCS / "operations.md", ROOT / "SECURITY.md"):
        for target in re.findall(r"\]\(([^)#]+)", file.read_text()):
            assert target.startswith("https://") or (Path(file.parent) / target).exists(), target


def test_the_licence_of_each_locked_dependency_is_listed():
    listed = (DOCS / "licences.md").read_text().lower()
    names = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert len(names) > 50
    missing = {name for name, _ in names if f"| {name.lower()} |" not in listed.replace("_", "-").replace(".", "-")}
    assert {name for name in missing if f"| {name.lower()} |" not in listed} == set()
    assert "not stated" not in listed
