"""docs/reference: as the generator makes it now, and with every name that the sources have, found without it."""

import os
import re
import subprocess
import sys

import httpx
import pytest
from conftest import BIN, LEAVING, ROOT, SAFE, wait_until

from churn.settings import read_settings
from serving.routes import ROUTES

REFERENCE = ROOT / "docs" / "reference"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in REFERENCE.glob("*.md")}
CODE = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for folder in ("churn", "serving")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
OURS = {"ORT_DISABLE_TELEMETRY", "RAY_USAGE_STATS_ENABLED", "BENTOML_DO_NOT_TRACK"}
"""Variables that the code itself sets for the libraries that it starts."""
NO_SETTING = {
    "O_CLOEXEC",
    "O_NONBLOCK",
    "BYTE_STREAM_SPLIT",
    "PROMETHEUS_MULTIPROC_DIR",
    "WAYLAND_DISPLAY",
    "COMP_LINE",
} | OURS


def documented(page):
    """The first column of the page's tables."""
    return set(re.findall(r"^\| `(.+?)`", PAGES[page], re.MULTILINE))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    subprocess.run([sys.executable, "-m", "tools.reference", str(folder)], cwd=ROOT, check=True)
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("page", ["commands", "settings", "routes", "metrics", "files", "exit-codes"])
def test_a_page_is_what_the_code_gives_now(made, page):
    assert set(PAGES) == set(made)
    assert PAGES[page] == made[page], "run `python -m tools.reference` and commit what it writes"


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_page_says_that_it_is_generated_and_has_an_example(page):
    first = PAGES[page].split("\n\n")[1]
    assert first.endswith("generated from the code by `python -m tools.reference`.")
    assert "```sh\n" in PAGES[page]


class Asked(dict):
    """An empty environment that remembers what it was asked for."""

    def __init__(self):
        self.names = set()

    def get(self, name, default=None):
        self.names.add(name)
        return default


def test_each_variable_that_the_settings_read_is_documented():
    environment = Asked()
    read_settings(environment)
    assert len(environment.names) > 30
    assert environment.names <= documented("settings")


def test_each_variable_that_the_sources_name_is_documented_and_no_other():
    names = {name for source in CODE.values() for name in re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"', source)}
    names -= NO_SETTING
    assert {"MODEL_NAME", "CHURN_HOME", "RAY_ADDRESS", "BENTOML_HOME"} <= names
    assert names | {f"{name}_FILE" for name in names if name.endswith("_TOKEN")} == documented("settings")


def test_each_route_and_each_status_is_documented():
    assert {f"{route.method} {route.path}" for route in ROUTES} <= documented("routes")
    statuses = {status for source in CODE.values() for status in re.findall(r"HttpError\(\s*(\d+)", source)}
    assert {"400", "413", "429"} <= statuses
    errors = PAGES["routes"].partition("## Errors")[2]
    assert {status for status in statuses if not re.search(rf"\b{status}\b", errors)} == set()


def test_each_target_of_make_is_documented():
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"setup", "run", "test", "docs"} <= set(targets)
    assert {f"make {target}" for target in targets} <= documented("commands")


def help_of(*command):
    done = subprocess.run(
        [*command, "--help"], cwd=ROOT, capture_output=True, text=True, check=True, env=os.environ | {"COLUMNS": "80"}
    )
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "",
        "train",
        "serve",
        "predict",
        "score",
        "drift",
        "drift performance",
        "registry",
        "registry prune",
        "schema infer",
    ],
)
def test_the_help_of_a_command_is_documented_as_it_is_printed(command):
    assert f"```text\n{help_of(BIN / 'churn', *command.split())}```" in PAGES["commands"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "section"),
    [
        ("train.py", "churn train"),
        ("drift.py", "churn drift"),
        ("drift.py performance", "churn drift performance"),
        ("score.py", "churn score"),
        ("-m churn.registry prune", "churn registry prune"),
        ("-m churn.data generate", "churn data generate"),
        ("-m churn.schema check", "churn schema check"),
    ],
)
def test_the_options_of_an_old_form_are_those_of_the_command(command, section):
    (text,) = re.findall(rf"^### {section}\n\n```text\n(.*?)```", PAGES["commands"], re.MULTILINE | re.DOTALL)
    options = set(re.findall(r"--[a-z][a-z0-9-]+", help_of(sys.executable, *command.split())))
    assert options - {"--help"}
    assert options <= set(re.findall(r"--[a-z][a-z0-9-]+", text))


@pytest.mark.slow
def test_each_route_and_each_metric_of_a_service_is_documented(server):
    httpx.post(f"{server.url}/predict", json=SAFE)
    httpx.post(f"{server.url}/predict/batch", json={"customers": [SAFE, LEAVING]})
    for path in ("/nothing", "/livez"):
        httpx.get(f"{server.url}{path}")
    wait_until(lambda: "churn_predictions_total{" in httpx.get(f"{server.url}/metrics").text, server.log.read_text)
    text = httpx.get(f"{server.url}/metrics").text
    families = dict(re.findall(r"^# TYPE (\S+) (\S+)", text, re.MULTILINE))
    assert len(families) > 20
    assert set(families) <= documented("metrics")
    assert {name for name in documented("metrics") if not name.startswith("churn_")} <= set(families)
    for name, kind in families.items():
        assert re.search(rf"^\| `{name}` \| {kind} \|", PAGES["metrics"], re.MULTILINE), name
    paths = httpx.get(f"{server.url}/docs.json").json()["paths"]
    assert {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods} <= documented("routes")


def fits(name, patterns):
    """Whether a documented name, with `<>` for what differs, is the name of this file."""
    return any(re.fullmatch(re.sub(r"<[^>]*>", "[^/]+", re.escape(pattern)), name) for pattern in patterns)


@pytest.mark.slow
def test_each_file_that_the_commands_write_is_documented(home_with_model, serve, tmp_path):
    home = home_with_model
    server = serve(home)
    wait_until(lambda: httpx.get(f"{server.url}/ready").status_code == 200, server.log.read_text, 60)
    records = [SAFE | {"tenure_months": 1 + number % 50} for number in range(150)]
    assert httpx.post(f"{server.url}/predict/batch", json={"customers": records}).status_code == 200
    customers = tmp_path / "customers.csv"
    customers.write_text(f"{','.join(SAFE)}\n{','.join(map(str, SAFE.values()))}\n")
    assert home.run("drift.py").returncode in (0, 3)
    assert home.run("score.py", str(customers), "--out", str(tmp_path / "scores.csv"), "--journal").returncode == 0
    server.stop()

    documentation = PAGES["files"].partition("## Inside a stored model")
    under_home, in_a_model = (set(re.findall(r"^\| `(.+?)`", part, re.MULTILINE)) for part in documentation[::2])
    written = {path.relative_to(home.path).as_posix() for path in home.path.rglob("*") if path.is_file()}
    written = {name for name in written if not re.fullmatch(r"server-\d+\.log", name)}
    assert {name for name in written if not fits(name, under_home)} == set()
    unwritten = {pattern for pattern in under_home if not any(fits(name, [pattern]) for name in written)}
    assert unwritten == {"registry/.lock-holder", "registry/.unfinished.json", "data/churn.csv", "schema.toml"}
    (model,) = (home.bentoml_home / "models" / "churn_model_v1").glob("v*")
    assert {path.name for path in model.iterdir()} == in_a_model


COMMANDS = {
    "churn/training/": "train",
    "churn/drift/": "drift",
    "churn/scoring/files/": "score",
    "churn/commands/": "",
    "serving/": "serve",
}


def exit_codes():
    """The numbers of churn/cli.py and serving/upstream/circus.py by their names."""
    found = {}
    for place in ("churn/cli.py", "serving/upstream/circus.py"):
        for names, values in re.findall(r"^([A-Z_]+(?:, [A-Z_]+)*) = (\d+(?:, \d+)*)$", CODE[place], re.MULTILINE):
            found |= zip(names.split(", "), map(int, values.split(", ")), strict=True)
    return found


def test_each_exit_code_of_the_sources_is_documented_with_its_command():
    codes = exit_codes()
    assert {"DONE": 0, "BAD_INPUT": 2, "FOUND": 3, "CANNOT_JUDGE": 4, "WORKER_DIED": 5, "INTERRUPTED": 130}.items() <= (
        codes.items()
    )
    page = PAGES["exit-codes"]
    every = page.partition("## Every command")[2]
    sections = {
        name: text + every for name, text in re.findall(r"^## churn (\w+)(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL)
    }
    ended = set()
    for place, source in CODE.items():
        command = next((name for folder, name in COMMANDS.items() if place.startswith(folder)), None)
        if command is not None:
            command = command or place.split("/")[2].removesuffix(".py")
            ends = " ".join(re.findall(r"^.*(?:return |[eE]xit\().*$", source, re.MULTILINE))
            ended |= {(command, codes[name]) for name in set(re.findall(r"\w+", ends)) & set(codes)}
    assert {("train", 3), ("drift", 3), ("serve", 5), ("serve", 2)} <= ended
    undocumented = {
        (name, code) for name, code in ended if not re.search(rf"^\| {code} \|", sections[name], re.MULTILINE)
    }
    assert undocumented == set()
