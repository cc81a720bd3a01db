""".github/ and CONTRIBUTING.md: GitHub can read them, and what they name is there."""

import re

import pytest
import yaml

from tests.manifest_objects import ROOT

GITHUB = ROOT / ".github"
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_ci_runs_what_a_person_runs_and_may_do_no_more_than_read():
    (path,) = (GITHUB / "workflows").iterdir()
    workflow = read(path)
    assert set(workflow[True]) == {"push", "pull_request"}  # YAML 1.1 reads `on` as true, GitHub does not
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 90
        assert "permissions" not in job
        for step in job["steps"]:
            # A tag can be moved to other code, a commit cannot.
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]) if "uses" in step else step["run"]
    runs = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert [run.split()[-2:] for run in runs] == [["bash", ".ci/run"]]
    assert (ROOT / ".ci" / "run").exists()


def test_dependabot_sees_the_locks_and_the_actions():
    updates = {update["package-ecosystem"]: update for update in read(GITHUB / "dependabot.yml")["updates"]}
    assert set(updates) == {"pip", "github-actions"}
    assert updates["github-actions"]["directory"] == "/"
    for folder in updates["pip"]["directories"]:
        assert list((ROOT / folder.strip("/")).glob("*requirements*.txt")), folder
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    exact = set(re.findall(r'^  "([\w-]+)==', project, re.MULTILINE))
    groups = updates["pip"]["groups"]
    assert {*groups["model"]["patterns"], *groups["server"]["patterns"]} == exact
    assert list(groups)[-1] == "others", "the first group that fits takes a package"


@pytest.mark.parametrize("path", FORMS, ids=[path.stem for path in FORMS])
def test_an_issue_form_has_what_github_asks_for(path):
    form = read(path)
    assert form["name"]
    assert form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in fields} <= {"textarea", "input", "dropdown", "checkboxes"}
    assert (
        len({field["id"] for field in fields}) == len({field["attributes"]["label"] for field in fields}) == len(fields)
    )
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_a_bug_form_asks_for_what_finds_the_fault():
    asked = {field.get("id") for field in read(GITHUB / "ISSUE_TEMPLATE" / "bug.yml")["body"]}
    assert {"ran", "expected", "happened", "log", "version"} <= asked


def test_contributing_names_what_is_there():
    assert len(CONTRIBUTING.splitlines()) <= 80
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"\bmake ([a-z-]+)(?=`|  )", CONTRIBUTING)
    assert {"setup", "check", "test", "test-slow", "lock"} <= set(targets)
    assert [name for name in targets if f"\n{name}:" not in makefile] == []
    files = re.findall(r"\]\(([^)]+)\)|`((?:churn|serving|tests|tools|docs|k8s)/[\w./-]*)", CONTRIBUTING)
    assert [name for pair in files for name in pair if name and not (ROOT / name).exists()] == []
