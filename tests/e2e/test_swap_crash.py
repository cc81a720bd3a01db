"""Registry commands killed at random moments beside a service, which goes on and ends up where the pointer is."""

import asyncio
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ROOT, wait_until
from test_hot_swap import GOOD, NEXT, POLL, copy_home, models, pending, served  # noqa: F401 - fixtures among them
from test_swap_load import Checker, probabilities_of_both

from churn.registry import Registry

pytestmark = pytest.mark.slow

KILLS = 60
SAVE = """
import pathlib, sys
from churn.registry import Registry
registry = Registry(pathlib.Path(sys.argv[1]))
folder = registry.fetch(registry.current())
files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "model.yaml"}
with registry.writing() as writer:
    writer.save("churn_model_v1", None, files, {"passed_gate": False})
"""


def commands(home):
    registry = ("-m", "churn.registry")
    return (
        (*registry, "promote", NEXT),
        (*registry, "rollback"),
        ("-c", SAVE, str(home.path)),
        (*registry, "prune", "--keep", "1"),
        (*registry, "promote", GOOD),
    )


def start(home, command):
    pipe = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, *command], cwd=ROOT, env=home.environment, stdout=pipe, stderr=pipe)


def kill_at_random(home, command, usual_seconds, chance):
    """Kill it anywhere in its life, or, every second time, soon after it has taken the lock; whether it was at work."""
    process = start(home, command)
    if chance.random() < 0.5:
        time.sleep(chance.uniform(0, usual_seconds))
    else:
        while process.poll() is None and not (home.registry / ".lock-holder").exists():
            time.sleep(0.0005)
        time.sleep(chance.uniform(0, 0.03))
    alive = process.poll() is None
    process.kill()
    process.wait()
    (home.registry / ".lock-holder").unlink(missing_ok=True)  # or the next wait for it would end at once
    return alive


def everything_recorded(registry):
    return [entry.tag for entry in registry.entries()], [step["when"] for step in registry.history()]


def kill_again_and_again(home, expected_findings):
    """How many commands were killed before they had ended."""
    chance, registry, killed = random.Random(7), Registry(home.path), 0  # noqa: S311 - moments, not secrets
    usual = {}
    for command in commands(home):
        started = time.monotonic()
        start(home, command).wait()
        usual[command] = time.monotonic() - started
    before = everything_recorded(registry)
    while killed < KILLS:
        killed += kill_at_random(home, command := chance.choice(list(usual)), usual[command], chance)
        expected_findings += [str(finding) for finding in registry.verify()]
        tags, steps = everything_recorded(registry)
        assert tags[: len(before[0])] == before[0]
        assert steps[: len(before[1])] == before[1]
        before = tags, steps
    return killed


@pytest.mark.timeout(400)
def test_the_service_goes_on_while_commands_are_killed(models, tmp_path, serve):  # noqa: F811
    home = copy_home(models, tmp_path)
    server = serve(home)
    checker = Checker(server.url, probabilities_of_both(server, home))
    findings: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        client = pool.submit(lambda: asyncio.run(checker.ask()))
        try:
            assert kill_again_and_again(home, findings) == KILLS
        finally:
            checker.stop = True
        client.result()
    assert checker.answers > 1000
    assert checker.wrong == []
    # What a kill leaves over is told exactly, and is nothing that the next command does not settle.
    assert findings
    assert all("interrupted" in finding for finding in findings), findings
    assert home.run("-m", "churn.registry", "promote", GOOD).returncode == 0
    assert home.run("-m", "churn.registry", "promote", NEXT).returncode == 0
    assert Registry(home.path).verify() == []
    wait_until(lambda: served(server) == NEXT, lambda: str(pending(server)))
    assert "Traceback" not in server.log.read_text()
