"""The runbook of docs/operations.md: a section for each alert, laptop lines that run, kubectl lines that fit k8s/."""

import json
import os
import re
import shutil
import subprocess
import textwrap

import pytest
import yaml
from conftest import ROOT
from manifest_objects import API, CONFIG, OBJECTS, PODS, every_value
from test_alerts import OPERATIONS, RULES

from churn.commands.registry import registry

RUNBOOK = OPERATIONS.partition("\n## Runbook\n")[2].partition("\n## ")[0]
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))
SETTINGS = set(re.findall(r"`((?:CHURN|MONITORING|MODEL)_[A-Z_]+)`", (ROOT / "docs/reference/settings.md").read_text()))


def blocks(section):
    """The steps: of each, the lines that can be pasted."""
    found = re.findall(r"^ *```sh\n(.*?)^ *```$", section, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block).splitlines() for block in found]


def on_kubernetes(line):
    return "kubectl" in line


STEPS = [(alert, block) for alert, section in SECTIONS.items() for block in blocks(section)]
KUBECTL = [line for _, block in STEPS for line in block if on_kubernetes(line)] + [blocks(RUNBOOK)[0][1]]


def test_each_alert_has_a_section_and_each_section_an_alert():
    assert set(SECTIONS) == set(RULES)
    assert len(SECTIONS) == RUNBOOK.count("\n### ")


@pytest.mark.parametrize("alert", sorted(SECTIONS))
def test_each_step_has_a_laptop_and_a_kubectl_form(alert):
    assert blocks(SECTIONS[alert])
    for block in blocks(SECTIONS[alert]):
        both = all("$url" in line for line in block)
        assert both or {on_kubernetes(line) for line in block} == {False, True}, block


def words(line, tmp_path):
    """What kubectl is given by a line, as a shell reads it."""
    fake = tmp_path / "kubectl"
    fake.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {tmp_path}/words\n")
    fake.chmod(0o755)
    subprocess.run(["bash", "-c", f"{line}\nwait"], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=False)
    return (tmp_path / "words").read_text().splitlines()


NAMES = {(manifest["kind"].lower(), manifest["metadata"]["name"]) for manifest in OBJECTS.values()}
LABELS = {f"app={app}" for template in PODS.values() for app in [template["metadata"]["labels"]["app"]]}
LABELS |= {f"kubernetes.io/service-name={name}" for kind, name in NAMES if kind == "service"}
SHORT = {"deploy": "deployment"}
MOUNTS = {mount["mountPath"] for mount in API["volumeMounts"]}
"""Of the pods that kubectl looks into."""


@pytest.mark.parametrize("line", KUBECTL)
def test_each_kubectl_form_names_what_the_manifests_have(line, tmp_path):
    given = words(line, tmp_path)
    if given[0] == "apply":
        assert given[1:] == ["-f", "cronjob-drift-week.yaml"]  # made of k8s/cronjob-drift.yaml by the line before
        return
    namespace = OBJECTS["00-namespace.yaml"]["metadata"]["name"]
    assert given[:2] == ["-n", namespace]
    for kind, name in re.findall(r"\b(deploy|deployment|service|cronjob|job)/([\w.-]+)", line):
        assert name == "JOB" or (SHORT.get(kind, kind), name) in NAMES
    for kind, name in re.findall(r"\b(?:get|patch|delete) (configmap|service) ([\w-]+)", line):
        assert (kind, name) in NAMES
    assert set(re.findall(r" -l (\S+)", line)) <= LABELS
    inside = re.findall(r"/app/\w+", line)
    assert all(any(path.startswith(mount) for mount in MOUNTS) for path in inside)
    if "-p" in given:
        data = json.loads(given[given.index("-p") + 1])["data"]
        assert set(data) <= SETTINGS | set(CONFIG)
    for port in re.findall(r"8080:(\d+)", line):
        assert int(port) in set(every_value(OBJECTS["service.yaml"], "port"))


def test_what_is_looked_for_in_pods_is_what_the_manifests_say():
    assert {("deployment", "churn-api"), ("cronjob", "churn-retrain"), ("service", "churn-api-service")} <= NAMES
    assert {"app=churn-api", "app=churn-drift"} <= LABELS
    assert any("/app/registry" in line for line in KUBECTL)
    assert "sed 's/24h/7d/' k8s/cronjob-drift.yaml > cronjob-drift-week.yaml" in RUNBOOK
    changed = (ROOT / "k8s" / "cronjob-drift.yaml").read_text().replace("24h", "7d")
    (drift,) = yaml.safe_load(changed)["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert drift["command"] == ["python", "src/drift.py", "--since", "7d"]


def test_the_registry_is_asked_for_what_it_can_do():
    asked = set(re.findall(r"churn[. ]registry ([a-z]+[^\"#\n]*)", RUNBOOK))
    assert {words.split()[0] for words in asked} >= {"list", "promote", "rollback", "verify", "prune"}
    for words in asked:
        name, *options = words.split()
        registry.commands[name].make_context(name, options)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is missing")
def test_kubectl_takes_each_line(tmp_path):
    """There is no cluster: each command must come as far as not finding it."""
    (tmp_path / "config").write_text("")
    (tmp_path / "cronjob-drift-week.yaml").write_text((ROOT / "k8s" / "cronjob-drift.yaml").read_text())
    for name in ("labels.csv", "fresh.csv"):
        (tmp_path / name).write_text("")
    environment = {"PATH": os.environ["PATH"], "KUBECONFIG": str(tmp_path / "config"), "HOME": str(tmp_path)}
    for line in KUBECTL:
        command = ["kubectl", "--server=http://127.0.0.1:1", *words(line, tmp_path)]
        asked = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert "refused" in asked.stderr, (line, asked.stderr)
