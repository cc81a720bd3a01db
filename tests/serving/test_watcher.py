"""When the watcher tries a model again, and that a surprise does not end it. The service itself: tests/e2e."""

import shutil
import time

import pytest
from conftest import make_home
from registry_home import store_at

import serving.watcher
from churn.errors import ArchiveInvalid, ModelInvalid
from churn.registry import Registry
from serving.watcher import RETRY_POLLS, ModelWatcher

GOOD = "churn_model_v1:v1"


class Counted(ModelWatcher):
    """A watcher that counts the attempts that failed."""

    def __init__(self, registry, poll_seconds):
        super().__init__(registry, "churn_model_v1", poll_seconds, on_failure=self._count)
        self.failed = 0

    def _count(self):
        self.failed += 1

    def poll_often(self):
        for _ in range(5):
            self.poll()
        return self.failed


@pytest.fixture
def archive(home_with_model):
    (path,) = (home_with_model.path / "models").iterdir()
    return path


@pytest.fixture
def registry(home_with_model, tmp_path):
    with store_at(tmp_path / "store"):
        yield Registry(home_with_model.path)


def test_a_failed_model_is_tried_again_when_pointer_archive_or_metadata_change_and_not_before(registry, archive):
    content = archive.read_bytes()
    archive.write_bytes(content[:-1])
    watcher = Counted(registry, poll_seconds=3600)
    assert watcher.poll_often() == 1
    assert (watcher.scorer, watcher.pending) == (None, GOOD)
    assert isinstance(watcher.problem, ArchiveInvalid)
    archive.write_bytes(content[:-2])
    assert watcher.poll_often() == 2
    pointer = registry.layout.pointer
    pointer.write_bytes(pointer.read_bytes())
    assert watcher.poll_often() == 3
    metadata = registry.layout.metadata
    metadata.write_bytes(metadata.read_bytes())
    assert watcher.poll_often() == 4
    archive.unlink()
    assert watcher.poll_often() == 5
    archive.write_bytes(content)
    assert watcher.poll_often() == 5
    assert watcher.scorer.tag == GOOD
    assert (watcher.problem, watcher.pending) == (None, None)


@pytest.mark.slow
def test_another_model_of_the_same_tag_is_noticed(registry, tmp_path_factory):
    """As where the registry was begun anew, from another machine."""
    watcher = Counted(registry, poll_seconds=3600)
    watcher.poll()
    served = watcher.scorer
    home = make_home(tmp_path_factory.mktemp("elsewhere"))
    assert home.run("train.py", "--seed", "7").returncode == 0
    for name in ("models", "registry"):
        shutil.rmtree(registry.layout.home / name)
        shutil.copytree(home.path / name, registry.layout.home / name)
    watcher.poll()
    assert (watcher.scorer.tag, watcher.problem) == (GOOD, None)
    assert watcher.scorer.card["trained_at_utc"] != served.card["trained_at_utc"]
    assert watcher.scorer is not served
    served = watcher.scorer
    watcher.poll()
    assert watcher.scorer is served


def test_it_is_tried_again_after_a_while_all_the_same(registry, archive):
    archive.write_bytes(b"")
    watcher = Counted(registry, poll_seconds=0.01)
    watcher.poll()
    time.sleep(RETRY_POLLS * 0.01)
    watcher.poll()
    assert watcher.failed == 2


def test_a_pointer_that_comes_and_goes_in_between_does_not_start_another_try(registry, archive):
    archive.write_bytes(b"")
    watcher = Counted(registry, poll_seconds=3600)
    watcher.poll()
    away = registry.layout.registry.rename(registry.layout.home / "away")
    watcher.poll()
    assert watcher.pending is None
    away.rename(registry.layout.registry)
    watcher.poll()
    assert (watcher.failed, watcher.pending) == (1, GOOD)
    assert isinstance(watcher.problem, ArchiveInvalid)


def test_a_problem_that_is_over_is_said_once_with_its_last_reason(registry, archive, caplog):
    caplog.set_level("INFO")
    content = archive.read_bytes()
    archive.write_bytes(b"")
    watcher = Counted(registry, poll_seconds=3600)
    watcher.poll_often()
    assert "model problem resolved" not in caplog.messages
    archive.write_bytes(content)
    watcher.poll_often()
    (logged,) = (record for record in caplog.records if record.msg == "model not loaded")
    (resolved,) = (record for record in caplog.records if record.msg == "model problem resolved")
    assert (resolved.levelname, resolved.model_tag, resolved.reason) == ("INFO", GOOD, logged.reason)


def test_a_surprise_while_loading_is_a_reason_like_others(registry, monkeypatch, caplog):
    def surprise(*_):
        raise MemoryError("no room for a model")

    watcher = Counted(registry, poll_seconds=3600)
    with monkeypatch.context() as patched:
        patched.setattr(serving.watcher.Scorer, "load", surprise)
        assert watcher.poll_often() == 1
    assert isinstance(watcher.problem, ModelInvalid)
    assert "no room for a model" in str(watcher.problem)
    assert [record.levelname for record in caplog.records].count("ERROR") == 1
