"""The demonstration: train, serve, send ordinary and then drifting traffic, detect drift after each, show the pages."""

import contextlib
import os
import secrets
import shutil
import socket
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from churn import console
from churn.cli import DONE, FOUND
from churn.demo import traffic
from churn.demo.children import Children, Done, Server, last_line
from churn.demo.interruption import interrupt_on_signals, uninterrupted
from churn.errors import ChurnError

START_SECONDS = 120
ORDINARY_SEED, DRIFTED_SEED = 1, 2
_HOST = "127.0.0.1"
_SETTINGS = ("CHURN_", "MONITORING_", "MODEL_", "BENTOML_", "OTEL_", "LOG_LEVEL")
"""How the names of variables begin that would change what is shown, or send alerts and traces to others."""


def run_demo(port: int | None, *, browse: bool) -> int:
    """Show what there is to see, until Ctrl-C; returns 0.

    Args:
        port: of the service, on loopback; None takes a free one.
        browse: whether to open the pages, where there is a terminal and a browser with windows.

    Raises:
        ChurnError: the port is taken, or a step failed.
        KeyboardInterrupt: before all was shown.
    """
    begun = time.monotonic()
    interrupt_on_signals()
    # The name before the folder, so that nothing comes between the making and the care for the removal.
    folder = Path(tempfile.gettempdir()).resolve() / f"churn-demo-{secrets.token_hex(4)}"
    port, token = _free_port(port), secrets.token_hex(8)
    children = Children(folder, _environment(folder, token))
    url = f"http://{_HOST}:{port}"
    try:
        folder.mkdir(mode=0o700)
        _say(f"churn demo, in {folder}")
        server = _show(children, url, folder / "service.log")
        pages = {
            f"{url}/": "the routes, to be tried",
            f"{url}/model": "the model's report",
            f"http://demo:{token}@{_HOST}:{port}/drift": "the drift report, with its token",
        }
        _say(f"\nReady after {time.monotonic() - begun:.0f} s. There is to see, until Ctrl-C:")
        rest = {f"{url}/metrics": "figures for Prometheus", str(folder): "models, registry and the log of predictions"}
        _list(pages | rest)
        if browse and _has_browser():
            for page in pages:
                webbrowser.open(page)
        _wait_for_interruption(server)
    finally:
        with contextlib.suppress(KeyboardInterrupt), uninterrupted():
            children.end()
            shutil.rmtree(folder, ignore_errors=True)
    return DONE


def _show(children: Children, url: str, log: Path) -> Server:
    _step("churn train", lambda: _summary(children.run("train"), "churn train", DONE))
    port = str(httpx.URL(url).port)
    server = children.start("serve", "--host", _HOST, "--port", port, log=log)
    _step("churn serve", lambda: _ready(server, url))
    ordinary = traffic.customers(ORDINARY_SEED)
    _step("ordinary traffic", lambda: _sent(url, ordinary))
    _step("churn drift", lambda: _summary(children.run("drift"), "churn drift", DONE, FOUND))
    drifted = list(map(traffic.drifted, traffic.customers(DRIFTED_SEED)))
    _step("drifting traffic", lambda: f"{_sent(url, drifted)}: half the months, one complaint more")
    _step("churn drift", lambda: _summary(children.run("drift"), "churn drift", DONE, FOUND))
    return server


def _step(name: str, work: Callable[[], str]) -> None:
    with console.phase(name):
        result = work()
    _say(f"{name:<18}{result}")


def _summary(done: Done, command: str, *allowed: int) -> str:
    """The last line of a command's output, which says what came of it, with the exit code where that says something."""
    last = last_line(done.output)
    if done.code not in allowed:
        raise ChurnError(f"{command} ended with exit code {done.code}: {last}")
    return f"{last} Exit code {done.code}." if len(allowed) > 1 else last


def _ready(server: Server, url: str) -> str:
    deadline = time.monotonic() + START_SECONDS
    while not _is_ready(url):
        if server.has_ended(0.1) or time.monotonic() > deadline:
            raise ChurnError(f"churn serve did not get ready: {server.last_line()}")
    return f"listening on {url}"


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _sent(url: str, records: list[traffic.Record]) -> str:
    try:
        probability = traffic.send(url, records)
    except httpx.HTTPError as error:
        raise ChurnError(f"the service did not answer: {error}") from None
    return f"{len(records)} customers, who leave with a probability of {probability:.2f} on average"


def _environment(folder: Path, token: str) -> Mapping[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    own = {"CHURN_HOME": str(folder), "BENTOML_HOME": str(folder / "bentoml"), "MONITORING_TOKEN": token}
    # Temporary files of whoever is killed go with the folder, too.
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    return inherited | own | temporary | {"BENTOML_DO_NOT_TRACK": "True", "PYTHONIOENCODING": "utf-8"}


def _free_port(asked: int | None) -> int:
    with socket.socket() as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the service will: one just left is free
        try:
            probe.bind((_HOST, asked or 0))
        except OSError as error:
            raise ChurnError(f"port {asked} cannot be used: {error.strerror}; give another --port, or none") from None
        port: int = probe.getsockname()[1]
    return port


def _has_browser() -> bool:
    """Whether somebody watches, and a browser would open a window instead of taking the terminal."""
    windows = sys.platform in ("win32", "darwin") or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    return sys.stdout.isatty() and windows


def _list(lines: Mapping[str, str]) -> None:
    width = max(map(len, lines)) + 2
    for name, meaning in lines.items():
        _say(f"  {name:<{width}}{meaning}")


def _wait_for_interruption(server: Server) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        while not server.has_ended(1.0):
            pass
        raise ChurnError(f"churn serve ended: {server.last_line()}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
