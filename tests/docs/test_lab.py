"""The lab's 14 steps in docs/lab.md and docs/lab.fr.md: files, names, paths, ports, outputs and exit codes.

What is typed into a pod is run in one, in tests/e2e/test_container.py.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import BIN, ROOT, make_home
from lab_page import BLOCK, ENGLISH, EXAMPLES, FRENCH
from manifest_objects import API, CONFIG, DEPLOYMENT, OBJECTS, PODS
from stand_in_api import stand_in

from churn.schema.reading import read_schema
from churn.settings import DriftSettings
from serving.routes import ROUTES

PAGES = {"lab.md": ENGLISH, "lab.fr.md": FRENCH}
NAMESPACE = OBJECTS["00-namespace.yaml"]["metadata"]["name"]
SECRET = OBJECTS["secret.yaml"]
(PORT,) = OBJECTS["service.yaml"]["spec"]["ports"]
SHORT = {"deploy": "deployment", "svc": "service"}
NAMES = {(manifest["kind"].lower(), manifest["metadata"]["name"]) for manifest in OBJECTS.values()}
KINDS = "|".join(sorted({kind for kind, _ in NAMES} | set(SHORT), key=len, reverse=True))
LABELS = {f"app={template['metadata']['labels']['app']}" for template in PODS.values()} | {"'!churn-mlops/once'"}
ENVIRONMENT = {item["name"]: item["value"] for item in API["env"]}
MOUNTS = tuple(mount["mountPath"] for mount in API["volumeMounts"])
PATHS = {route.path for route in ROUTES}
TAGS = {API["image"], f"docker.io/library/{API['image']}", f"{CONFIG['MODEL_NAME']}:v1"}
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


def is_object(found):
    kind, name = found
    return (SHORT.get(kind, kind), name) in NAMES


def is_file(name):
    return any((folder / name).exists() for folder in (ROOT, ROOT / "k8s", ROOT / "src"))


NAMED = [
    (rf"\b({KINDS})(?:\.[\w.]+)?/([\w-]+)", is_object),
    (rf"(?:get|describe|delete|status|create) ({KINDS})(?: generic)? ([a-z][\w-]+)", is_object),
    (r"namespace[= /]([a-z-]+)", {NAMESPACE, "default"}.__contains__),
    (r" -l (\S+)", LABELS.__contains__),
    (r"(?<![\w./-])[\w./-]+:v[0-9]+\b", TAGS.__contains__),
    (r"(?<![\w.])/(?:app|data|home)/[\w/.-]+", lambda path: path.startswith(MOUNTS)),
    (r"/run/[\w/]+", ENVIRONMENT["MONITORING_TOKEN_FILE"].__eq__),
    (r"printenv (\w+)", lambda name: name in CONFIG | ENVIRONMENT | SECRET["data"]),
    (r"literal=(\w+)", SECRET["data"].__contains__),
    (r"\b(?:k8s|src|serving|tools)/[\w./-]*|(?<![\w/])[\w-]+\.(?:py|yaml|toml)\b", is_file),
    (r"port-forward \S+ (\d+:\d+)", f"{PORT['nodePort']}:{PORT['port']}".__eq__),
    (r"127\.0\.0\.1:(\d+)", str(PORT["nodePort"]).__eq__),
    (r"-> (\d+)", str(API["ports"][0]["containerPort"]).__eq__),
    (r"(?:GET |POST |30080)(/\w+)", PATHS.__contains__),
    (r"\bmake (\w+)", TARGETS.__contains__),
]
"""What commands and outputs name, and whether manifests or project have it."""


def strangers(text):
    """Whatever the text names that there is not."""
    return [found for pattern, there_is in NAMED for found in re.findall(pattern, text) if not there_is(found)]


def outside_of_blocks(page):
    """Each piece of code in the text, but for the lab's names in the first column of the first table."""
    text = BLOCK.sub("", page)
    first = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    ours = re.sub(r"^\|[^|]*\|", "|", first[0], flags=re.MULTILINE)
    return re.findall(r"`([^`]+)`", text.replace(first[0], ours))


def lines(example):
    return [*example.bash, *example.powershell.splitlines(), *example.output.splitlines()]


ALL_LINES = [line for example in EXAMPLES for line in lines(example)]
BASH = [line for example in EXAMPLES for line in example.bash]


def test_both_pages_have_the_14_steps_the_same_code_and_the_same_links():
    for page in PAGES.values():
        assert re.findall(r"^## (\d+)\.", page, re.MULTILINE) == [str(step) for step in range(1, 15)]
    assert BLOCK.findall(ENGLISH) == BLOCK.findall(FRENCH)
    assert {example.step for example in EXAMPLES} == set(range(1, 15)) - {10}
    english, french = (sorted(re.findall(r"\]\((.*?)\)", page)) for page in PAGES.values())
    assert english == french
    english, french = (outside_of_blocks(page) for page in PAGES.values())
    assert english == french


@pytest.mark.parametrize("name", PAGES)
def test_they_name_what_manifests_and_project_have(name):
    for text in [*ALL_LINES, *outside_of_blocks(PAGES[name])]:
        assert strangers(text) == [], text


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("k8s/persistentvolumeclaim.yaml", "k8s/pvc.yaml"),
        ("src/monitor_drift.py", "src/monitor.py"),
        ("deploy/churn-api", "deploy/churn"),
        ("deployment churn-api", "deployment churn"),
        ("job/churn-train", "job/train"),
        ("svc churn-api-service", "svc churn-api"),
        ("secret churn-secret", "secret churn"),
        ("-l app=churn-api", "-l app=churn"),
        ("--namespace=churn-mlops", "--namespace=churn"),
        ("churn-api:v1", "churn-api:v2"),
        ("30080:80", "30080:8000"),
        ("127.0.0.1:30080", "127.0.0.1:3000"),
        ("-> 8000", "-> 3000"),
        ("/app/registry", "/data/registry"),
        ("/app/logs", "/app/journal"),
        ("/run/secrets/churn/MONITORING_TOKEN", "/run/secrets/churn/TOKEN"),
        ("printenv LOG_LEVEL", "printenv LEVEL"),
        ("literal=MONITORING_TOKEN", "literal=TOKEN"),
        ("30080/health", "30080/healthy"),
        ("make image", "make images"),
    ],
)
def test_a_wrong_name_would_be_seen(right, wrong):
    found = [line for line in ALL_LINES if right in line]
    assert found
    assert all(strangers(line.replace(right, wrong)) for line in found)


def programs(text):
    """The programs of a block with their arguments, whatever the shell."""
    text = re.sub(r'"\$\(openssl rand -hex 32\)"|=\$token\b', "=TOKEN", text).replace("==", "=")
    return re.findall(r"(?:kubectl|minikube|docker|python) [^|;\n]*[^|;\n ]", text)


def test_powershell_calls_the_same_programs():
    """And sends the same requests: test_powershell.py."""
    compared = [each for each in EXAMPLES if each.powershell and not each.bash[0].startswith("make")]
    for example in compared:
        assert programs(example.powershell) == programs("\n".join(example.bash))
    assert sum(len(programs(example.powershell)) for example in compared) >= 8


def test_the_figures_are_those_of_manifests_and_code():
    for page in PAGES.values():
        for name in ("startup", "readiness", "liveness"):
            probe = API[f"{name}Probe"]
            row = (
                f"| {name} | `{probe['httpGet']['path']}` | {probe['periodSeconds']} s | {probe['failureThreshold']} |"
            )
            assert row in page
        with (ROOT / "data" / "churn.csv").open(encoding="utf-8") as file:
            left = [int(row["churn"]) for row in csv.DictReader(file)]
        share = sum(left) / len(left)
        assert f"{2 * share / (1 + share):.2f}" in page  # F1 of a constant answer
        assert f"F1 >= {read_schema(ROOT / 'schemas' / 'churn.toml').gate.f1:.2f}" in page
        assert re.search(rf"\b{DEPLOYMENT['spec']['progressDeadlineSeconds'] // 60} minutes", page)
        assert re.search(rf"\b{DriftSettings.min_rows} pr", page)


def typed_in_a_cluster(example):
    return all(re.match("kubectl (apply|config|create)", line) for line in example.bash)


@pytest.mark.slow
@needs_kubectl
def test_what_is_applied_prints_what_is_claimed_and_is_everything(tmp_path):
    """In the page's order, in one session against a stand-in for the API server."""
    with stand_in() as address:
        shell = Shell(tmp_path, address)
        claimed = [example for example in EXAMPLES if example.output and typed_in_a_cluster(example)]
        assert len(claimed) == 8
        for example in claimed:
            done = shell("\n".join(example.bash))
            assert done.returncode == 0, done.stderr
            assert example.claims(done.stdout), (example.output, done.stdout)
        assert "unchanged" in shell("kubectl apply -f k8s/job.yaml").stdout
        beyond = shell("kubectl apply -f k8s/ -l '!churn-mlops/once'").stdout
        made = sum(line.endswith("created") for line in beyond.splitlines())
        assert len(OBJECTS) - made == sum(len(example.output.splitlines()) for example in claimed) - 2


@pytest.mark.slow
@needs_kubectl
def test_kubectl_takes_each_line(tmp_path):
    """There is no cluster: each command must come as far as not finding it."""
    shell = Shell(tmp_path, "http://127.0.0.1:1")
    typed = [line for line in BASH if line.startswith("kubectl")]
    assert len(typed) > 40
    for line in typed:
        done = shell(line)
        assert done.returncode == 0 if " config " in line else "refused" in done.stderr, (line, done.stderr)


class Shell:
    """bash with a kubectl whose current context, named as Minikube names it, is this server."""

    def __init__(self, folder, server):
        context = {"name": "minikube", "context": {"cluster": "minikube", "user": "minikube"}}
        cluster = {"name": "minikube", "cluster": {"server": server}}
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "minikube"}
        config |= {"clusters": [cluster], "contexts": [context], "users": [{"name": "minikube", "user": {}}]}
        (folder / "config").write_text(json.dumps(config), encoding="utf-8")
        # The stand-in has no OpenAPI document to validate by.
        script = f'#!/bin/sh\n[ "$1" = apply ] && set -- "$@" --validate=false\nexec {shutil.which("kubectl")} "$@"\n'
        (folder / "kubectl").write_text(script, encoding="utf-8")
        (folder / "kubectl").chmod(0o755)
        path = f"{folder}:{os.environ['PATH']}"
        self._environment = {"PATH": path, "HOME": str(folder), "KUBECONFIG": str(folder / "config")}

    def __call__(self, lines):
        command = ["bash", "-c", lines]
        return subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=60, check=False
        )


@pytest.mark.slow
def test_what_is_typed_without_a_cluster_prints_what_is_claimed(tmp_path):
    home = make_home(tmp_path)
    environment = home.environment | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    typed = [each for each in EXAMPLES if each.output and re.match("python|ls|make setup", each.bash[0])]
    assert len(typed) == 4
    for example in typed:
        text = "\n".join(line for line in example.bash if not re.match(r"make|\.", line))
        done = subprocess.run(
            ["bash", "-c", f"{{ {text}\n}} 2>&1"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0
        assert example.claims(done.stdout), (example.output, done.stdout)


def test_make_image_builds_and_names_the_image_of_the_manifests():
    command = ["make", "--dry-run", "--assume-old=.venv/.installed", "image"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (example,) = [example for example in EXAMPLES if example.bash == ["make image"]]
    for line in example.powershell.splitlines():
        program, command, rest = re.fullmatch(r"\.venv\\Scripts\\(\w+) (\w+) (.*)", line).groups()
        assert re.search(rf"{program} {command} .*{rest.split()[-1]}", shown, re.DOTALL)
    assert f"-t {API['image']}" in shown


@pytest.mark.parametrize("name", ["train.py", "drift.py", "monitor_drift.py"])
def test_the_labs_commands_run_in_the_checkout(name):
    command = [sys.executable, f"src/{name}", "--no-such-option"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{name}: " in done.stderr


def test_monitor_drift_stands_beside_drift_in_the_image(tmp_path):
    """`src/` of a Bento is the project's folder: there the one beside it is run, whatever is installed."""
    assert "\nCOPY src/src/monitor_drift.py ./src/\n" in (ROOT / "serving" / "image.py").read_text(encoding="utf-8")
    assert "  - src/monitor_drift.py\n" in (ROOT / "bentofile.yaml").read_text(encoding="utf-8")
    shutil.copy(ROOT / "src" / "monitor_drift.py", tmp_path)
    (tmp_path / "drift.py").write_text("def main(name): return 7\n", encoding="utf-8")
    done = subprocess.run([sys.executable, tmp_path / "monitor_drift.py"], check=False)
    assert done.returncode == 7
