"""The README leaves nothing out and points at nothing that is not there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from churn.schema.definition import File, Gate, Identifier, Schema
from churn.schema.feature import Feature
from churn.schema.reading import parse_schema
from churn.schema.target import Target
from serving.routes import ROUTES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCHEMA_GUIDE = (ROOT / "docs" / "schema.md").read_text(encoding="utf-8")


def settings():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "churn" / "settings").glob("*.py"))
    names = re.findall(r'(?:reader\.\w+|setting)\(\s*"([A-Z][A-Z_]+)"', source)
    return sorted({*names, "MONITORING_TOKEN_FILE", "BENTOML_HOME"})


def options(*command):
    done = subprocess.run([sys.executable, *command, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(set(re.findall(r"--[a-z][a-z0-9-]+", done.stdout)) - {"--help"})


def make_targets():
    return re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_lists_below_are_not_empty():
    assert {"MODEL_NAME", "CHURN_HOME", "CHURN_POLL_SECONDS", "CHURN_DRIFT_PSI", "LOG_LEVEL"} <= set(settings())
    assert {"setup", "run", "test", "check", "bench", "bento", "image"} <= set(make_targets())


@pytest.mark.parametrize("name", settings())
def test_every_setting_is_documented(name):
    assert f"`{name}`" in README


def test_every_route_is_documented():
    assert len(ROUTES) >= 14
    for route in ROUTES:
        assert f"`{route.method} {route.path}`" in README, route


@pytest.mark.parametrize(
    "command",
    [
        ("train.py",),
        ("drift.py",),
        ("drift.py", "performance"),
        ("score.py",),
        ("-m", "churn.registry"),
        ("-m", "churn.registry", "prune"),
        ("-m", "churn.registry", "promote"),
        ("-m", "churn.data", "generate"),
        ("-m", "churn.schema", "infer"),
        ("-m", "churn.schema", "check"),
    ],
    ids=" ".join,
)
def test_every_option_of_every_command_is_documented(command):
    missing = [option for option in options(*command) if option not in README + SCHEMA_GUIDE]
    assert not missing


def test_every_registry_command_is_documented():
    help_text = subprocess.run(
        [sys.executable, "-m", "churn.registry", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    commands = re.findall(r"^    ([a-z]+)  ", help_text, re.MULTILINE)
    assert len(commands) >= 6
    section = README.partition("## The registry")[2].partition("\n## ")[0]
    assert all(re.search(rf"\b{command}\b", section) for command in commands)


def test_the_schema_guide_shows_every_key_of_a_schema_that_can_be_read():
    (example,) = re.findall(r"```toml\n(.*?)```", SCHEMA_GUIDE, re.DOTALL)
    schema = parse_schema(example.encode(), "docs/schema.md")
    assert [feature.name for feature in schema.feature] == ["tenure", "Contract"]
    shown = {
        *re.findall(r"^([a-z0-9_]+) =", example, re.MULTILINE),
        *re.findall(r"^\[+([a-z]+)", example, re.MULTILINE),
    }
    tables = (Schema, Target, Identifier, File, Feature, Gate)
    assert shown | {"retired"} == {key for table in tables for key in table.model_fields}
    assert "`retired = [" in SCHEMA_GUIDE


def test_the_five_commands_lead_and_are_commands():
    start = README.partition("```sh\n")[2].partition("```")[0]
    commands = re.findall(r"^[a-z].*", start, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["python", "grep", "python", "bentoml", "curl"]
    assert commands[0].startswith("python -m churn.schema infer ")
    assert set(re.findall(r"--[a-z-]+", commands[2])) <= set(options("train.py"))


def test_every_make_target_is_documented():
    section = README.partition("| `make` target |")[2].partition("\n\n")[0]
    assert all(f"`{target}`" in section for target in make_targets() if target != "help")


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_every_metric_is_documented():
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "serving").glob("*.py"))
    names = re.findall(r'"(churn_[a-z_]+)",', sources)
    assert len(names) >= 10
    assert all(f"`{name}`" in README for name in names)
