"""The README as a stranger uses it: short, its links lead somewhere, and its commands run as printed."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from conftest import BIN, ROOT, wait_until
from manifest_objects import API, OBJECTS
from markdown_text import blocks, count_words, leads_nowhere, links, section

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
KUBERNETES = section(TEXT, "Kubernetes")
TELCO = ROOT.parent / "shared" / "data" / "telco-customer-churn.csv"
TABLE = "Telco-Customer-Churn.csv"
SERVERS = ("make run", "churn serve", "churn demo")
MINUTES = 60


def parses(code: str) -> bool:
    return subprocess.run(["bash", "-n"], input=code, text=True, capture_output=True, check=False).returncode == 0


def commands(text: str) -> list[str]:
    """Each command of the blocks of bash: its lines as printed, with those that it goes on in."""
    found, lines = [], []
    for line in "\n".join(blocks(text, "sh")).splitlines():
        lines.append(line)
        if not line.endswith("\\") and parses("\n".join(lines)):
            found.append("\n".join(lines))
            lines = []
    return [command for command in found if command]


def test_it_is_short():
    assert 300 < count_words(TEXT) < 900


def test_every_link_and_image_leads_somewhere():
    own = [address for address in links(TEXT) if not address.startswith("https://")]
    assert len(own) > 20
    assert not [address for address in own if leads_nowhere(address, README)]


def test_every_block_of_bash_parses():
    assert len(blocks(TEXT, "sh")) >= 5
    assert all(map(parses, blocks(TEXT, "sh")))
    assert commands(TEXT)[0] == "make run"
    assert any(command.startswith("curl") and "\n" in command for command in commands(TEXT))


def test_what_is_asked_of_the_cluster_fits_the_manifests():
    image, load, apply, wait = commands(KUBERNETES)
    built = re.search(r"for target in \((.*?)\)", (ROOT / "tests/e2e/test_container.py").read_text(encoding="utf-8"))
    assert f'"{image.removeprefix("make ")}"' in built[1]
    assert load == f"minikube image load {API['image']}"
    assert apply == "kubectl apply -f k8s/"
    names = {f"{item['kind'].lower()}/{item['metadata']['name']}" for item in OBJECTS.values()}
    assert set(re.findall(r"[a-z]+/[\w-]+", wait)) <= names
    assert f"-n {OBJECTS['00-namespace.yaml']['metadata']['name']} " in wait


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is missing")
def test_kubectl_takes_what_is_asked_of_the_cluster(tmp_path):
    """There is no cluster: each command must come as far as not finding it."""
    (tmp_path / "config").touch()
    environment = {"PATH": os.environ["PATH"], "KUBECONFIG": str(tmp_path / "config"), "HOME": str(tmp_path)}
    for command in commands(KUBERNETES)[2:]:
        nowhere = command.replace("kubectl", "kubectl --server=http://127.0.0.1:1", 1)
        asked = subprocess.run(
            ["bash", "-c", nowhere], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert "refused" in asked.stderr, (command, asked.stderr)


class Terminal:
    """A bash whose folder and environment last from one command to the next; what it prints goes to a file."""

    def __init__(self, folder: Path, log: Path, environment: dict[str, str]) -> None:
        self.log = log
        with log.open("wb") as sink:
            self.process = subprocess.Popen(
                ["bash"],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def type(self, command: str) -> None:
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def run(self, command: str, seconds: int = 5 * MINUTES) -> tuple[int, str]:
        """Exit code of a command, and what it printed."""
        before = len(self.printed())
        self.type(f'{command}\necho "exit code: $?."')
        wait_until(lambda: re.search(r"exit code: \d+\.\n", self.printed()[before:]), self.printed, seconds)
        printed, code = re.split(r"exit code: (\d+)\.\n", self.printed()[before:])[:2]
        return int(code), printed

    def printed(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def press_ctrl_c(self) -> None:
        """End what runs, and the terminal with it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)
        self.process.stdin.close()
        try:
            self.process.wait(timeout=MINUTES)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


class Reader:
    """Somebody who follows the README in two terminals: one for servers, one for all else."""

    def __init__(self, clone: Path, folder: Path) -> None:
        self._folder, self._terminals = folder, []
        mine = ("CHURN_", "MONITORING", "MODEL_", "VIRTUAL_ENV", "PYTHON", "PYTEST", "BENTOML")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
        path = [f"{sys.base_prefix}/bin", *(part for part in os.environ["PATH"].split(":") if part != str(BIN))]
        self._environment = kept | {
            "PATH": ":".join(path),
            "HOME": str(folder),
            "BENTOML_HOME": str(folder / "bentoml"),
            "BROWSER": "true",  # the command: no page is opened
        }
        self._server: Terminal | None = None
        self._activation = ":"
        self.clone = self.place = clone
        self._work = self._open()

    def _open(self) -> Terminal:
        number = len(self._terminals)
        self._terminals.append(Terminal(self.place, self._folder / f"terminal-{number}.log", self._environment))
        return self._terminals[-1]

    def follow(self, command: str) -> tuple[int, str]:
        """Run a command; its exit code and output. A server runs on: its code is 0 and its output so far."""
        if command.startswith(SERVERS):
            return 0, self._start(command)
        if command.startswith(". "):
            self._activation = f"cd {self.clone} && {command} && cd -"
        code, printed = self._work.run(command)
        self.place = Path(self._work.run("pwd")[1].strip())
        return code, printed

    def _start(self, command: str) -> str:
        self.stop()
        self._server = terminal = self._open()
        terminal.type(f"{self._activation} > /dev/null")
        terminal.type(f"{command}\nexit")
        last = "until Ctrl-C" if command == "churn demo" else "http://"
        ended = terminal.process.poll
        wait_until(lambda: ended() is not None or ready(terminal.printed(), last), terminal.printed, 20 * MINUTES)
        assert ended() is None, terminal.printed()
        return terminal.printed()

    def stop(self) -> None:
        """Ctrl-C where the server runs."""
        if self._server:
            self._server.press_ctrl_c()
        self._server = None

    def leave(self) -> None:
        self.stop()
        self._work.press_ctrl_c()


def ready(printed: str, last: str) -> bool:
    """Whether what is waited for is printed, and the service answers at the address that is printed last."""
    addresses = re.findall(r"http://[\w.]+:\d+", printed)
    try:
        return bool(addresses) and last in printed and httpx.get(f"{addresses[-1]}/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def copy_tree(folder: Path) -> Path:
    """A clone: what git knows of the working tree, as it is."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    return folder


@pytest.fixture
def reader(tmp_path):
    if taken(3000):
        pytest.skip("port 3000, which the README says, is taken")
    follower = Reader(copy_tree(tmp_path / "churn-api"), tmp_path)
    yield follower
    follower.leave()


@pytest.mark.slow
@pytest.mark.timeout(30 * MINUTES)
def test_the_commands_run_in_order_as_printed(reader):
    """From a fresh clone, with Python 3.12 and make: the environment is made, too, which takes minutes."""
    own_table = commands(section(TEXT, "Your own table"))
    left_out = commands(KUBERNETES) + ([] if TELCO.exists() else own_table)
    shown = json.loads(*blocks(TEXT, "json"))
    for command in commands(TEXT):
        if command in left_out:
            continue
        if command.startswith("cd "):  # what the prose before it asks for
            reader.stop()
            folder = reader.place / command.removeprefix("cd ")
            folder.mkdir()
            shutil.copy(TELCO, folder / TABLE)
        code, printed = reader.follow(command)
        assert code == (1 if command.startswith("grep") else 0), printed  # nothing is found that must be decided
        if command.startswith(("curl", "churn predict")):
            answer = json.loads(printed[printed.index("{") :])
            assert list(answer) == list(shown)
            if command not in own_table:
                assert answer["probability"] == pytest.approx(shown["probability"], abs=1e-6)
                assert answer["features"] == shown["features"]
    if not TELCO.exists():
        pytest.skip("the rest ran; your own table did not: telco-customer-churn.csv is not beside the project")
