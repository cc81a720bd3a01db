"""`kill -9` at random moments of the real `python train.py`."""

import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ROOT, make_home
from test_registry_crash import check_state, recorded

from churn.registry import Registry

KILLS = 50
AT_ONCE = 2


@pytest.mark.slow
@pytest.mark.timeout(600)  # fifty trainings, of which each takes seconds
def test_train_py_can_be_killed_at_any_moment(tmp_path):
    """Half of the kills anywhere, half while it saves or promotes: training takes seconds, saving does not."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        at_work = sum(pool.map(_kill_again_and_again, [tmp_path / str(number) for number in range(AT_ONCE)]))
    assert at_work > KILLS // 5, "too few kills hit a save or a promotion"


def _moment(intent) -> int | None:
    """When an intent was recorded; None where there is none. One that a kill left is settled by the next writer."""
    try:
        return intent.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _kill_again_and_again(folder) -> int:
    folder.mkdir()
    home = make_home(folder)
    registry = Registry(home.path)
    registry.layout.registry.mkdir()  # so that there is one to look at before the first save
    generator = random.Random(folder.name)  # noqa: S311 - chooses moments, no secrets
    at_work = 0
    for number in range(KILLS // AT_ONCE):
        before, history, left = recorded(registry), registry.history(), _moment(registry.layout.intent)
        command = [sys.executable, "train.py"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=home.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if number % 2:
            time.sleep(generator.uniform(0.0, 6.0))
        else:
            while process.poll() is None and _moment(registry.layout.intent) in (None, left):
                time.sleep(0.001)
            time.sleep(generator.uniform(0.0, 0.1))
        process.kill()
        process.wait()
        at_work += _moment(registry.layout.intent) not in (None, left)
        check_state(registry, before, history)
    done = home.run("train.py")
    assert done.returncode == 0, done.stderr
    assert registry.verify() == []
    return at_work
