"""docs/tutorial.md from top to bottom, typed as it is printed: real training, service and drift, and a real kubectl."""

import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import BIN, ROOT, wait_until
from tests.docs.terminal import Terminal
from tests.docs.tutorial_page import ANOTHER_TERMINAL, TUTORIAL, Block, blocks_of, missing_lines
from tests.manifest_objects import OBJECTS
from tests.stand_in_api import stand_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
TABLE = ROOT.parent / "shared" / "data" / "telco-customer-churn.csv"
HERE, KUBERNETES = TUTORIAL.split("## 13. Kubernetes\n")
MAKE_TARGETS = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
NAMES = {f"{manifest['kind'].lower()}/{manifest['metadata']['name']}" for manifest in OBJECTS.values()}


@pytest.fixture
def project(tmp_path) -> Path:
    """The project's folder as a reader has it, with an environment that has nothing else in it."""
    folder = tmp_path / "project"
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "activate").write_text(f'export PATH="{BIN}:$PATH"\n')
    for path in ROOT.iterdir():
        if not path.name.startswith(".") and path.name not in ("telco", "models", "registry", "logs"):
            (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """Of a new terminal: no setting of ours, and a home of its own."""
    (tmp_path / "home").mkdir()
    ours = ("CHURN_", "MONITORING_", "MODEL_", "BENTOML_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return inherited | {
        "HOME": str(tmp_path / "home"),
        "BENTOML_DO_NOT_TRACK": "True",
        "CHURN_POLL_SECONDS": "0.2",
    }


class Reader:
    """Somebody who does what the page says, block by block, in one terminal or two."""

    def __init__(self, project: Path, environment: dict[str, str]) -> None:
        self.project = project
        self.environment = environment
        self.terminal = self.open_terminal()
        self.others: list[Terminal] = []
        self.printed = ""

    def open_terminal(self) -> Terminal:
        number = len(list(self.project.parent.glob("terminal-*")))
        return Terminal(self.project, self.environment, self.project.parent / f"terminal-{number}.log")

    def close(self) -> None:
        for terminal in (self.terminal, *self.others):
            terminal.close()

    def follow(self, block: Block) -> None:
        if says := re.match(r"When its log says `(.*?)`", block.before):
            log = self.others[-1]
            wait_until(lambda: says[1] in log.output(), log.output, 120)
        if saved := re.search(r"Save this .*as `(.*?)`", block.before):
            (self.project / saved[1]).write_text(block.text, encoding="utf-8")
        elif block.language == "sh" and block.before == ANOTHER_TERMINAL:
            self.others.append(self.open_terminal())
            for line in block.lines:
                self.others[-1].begin(line)
        elif block.language == "sh":
            for line, following in zip(block.lines, [*block.lines[1:], ""], strict=True):
                self.type(line, may_fail=following == "echo $?")
        elif block.language == "text":
            assert not missing_lines(block.text, self.printed), self.printed
            self.printed = ""

    def type(self, line: str, *, may_fail: bool) -> None:
        if "raw.githubusercontent.com" in line:
            shutil.copy(TABLE, self.project / line.split()[3])
        elif line.startswith("make "):
            assert line.split()[1] in MAKE_TARGETS
        elif not line.startswith("minikube "):
            self.printed += self.terminal.run(line)
            assert "Traceback" not in self.printed, self.printed
            assert may_fail or self.terminal.code == 0, f"{line}\n{self.printed}"


@pytest.mark.skipif(not TABLE.exists(), reason="telco-customer-churn.csv is not beside the project")
def test_the_commands_run_and_print_what_the_page_says(project, environment):
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 3000)) == 0:
            pytest.skip("port 3000, which the page uses, is taken by another program")
    with closing(Reader(project, environment)) as reader:
        for block in blocks_of(HERE):
            reader.follow(block)
    for path in re.findall(r"`(telco/\S+)`", HERE):
        assert (project / path).is_file(), path


@pytest.fixture
def kubectl(tmp_path, environment) -> Iterator[Path]:
    """The file of what kubectl was told. It applies to a stand-in for the API server; nothing runs in pods."""
    real = shutil.which("kubectl")
    if real is None:
        pytest.skip("kubectl is not installed")
    told = tmp_path / "told"
    with stand_in() as address:
        script = tmp_path / "bin" / "kubectl"
        script.parent.mkdir()
        script.write_text(
            f"""#!/bin/sh
            echo "$*" >> {told}
            case "$*" in
              apply*) exec {real} --server {address} "$@" --validate=false ;;
              *--dry-run=client*) exec {real} "$@" ;;
              *"create job"*) exec {real} --server {address} "$@" --dry-run=client ;;
              *jsonpath=*metadata.name*) echo churn-api-1 ;;
            esac
            """
        )
        script.chmod(0o755)
        environment["PATH"] = f"{script.parent}:{environment['PATH']}"
        yield told


def test_the_lines_for_kubernetes_fit_the_manifests(project, environment, kubectl):
    (project / "telco").mkdir()
    shutil.copy(ROOT / "schemas" / "churn.toml", project / "telco" / "customers.toml")
    with closing(Reader(project, environment)) as reader:
        for block in blocks_of(KUBERNETES):
            local = "\n".join(line for line in block.lines if not line.startswith("curl "))
            reader.follow(Block(block.language, local, block.before))
    for command in kubectl.read_text().splitlines():
        assert "churn-mlops" in command or command.startswith("apply "), command
        named = re.findall(r"\b((?:deployment|service|cronjob|job)/[\w-]+)", command.replace("deploy/", "deployment/"))
        assert set(named) <= NAMES | {"job/retrain-1"}, command
    assert "port-forward service/churn-api-service 8080:80" in kubectl.read_text()


def test_the_cluster_is_asked_as_the_laptop_is():
    def asked(page: str) -> list[str]:
        return [line for block in blocks_of(page) for line in block.lines if line.startswith("curl -X POST localhost")]

    assert asked(KUBERNETES) == [line.replace(":3000", ":8080") for line in asked(HERE)]
