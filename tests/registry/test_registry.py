"""Saving, promoting, going back, alone and at once: what each leaves on the volume, and what it says when it cannot."""

import errno
import hashlib
import json
import os
import time

import bentoml
import bentoml.models
import pytest
from conftest import wait_until
from hypothesis import given
from hypothesis import strategies as st
from registry_home import NAME, fork, model_files, promote, promoted, rollback, save, save_files, small_home, tree, wait

from churn.errors import ArchiveInvalid, ModelNotFound, PointerMissing, RegistryBusy, RegistryError
from churn.registry import Registry
from churn.registry.history import trail


@pytest.fixture
def registry(tmp_path):
    with small_home(tmp_path) as made:
        yield made


def test_save_writes_archive_and_entry_and_leaves_the_pointer_alone(registry):
    tag = save(registry)
    assert tag == f"{NAME}:v1"
    archive = registry.layout.home / "models" / f"{NAME}-v1.bentomodel"
    assert json.loads((registry.layout.home / "registry" / "metadata.json").read_text()) == [
        {
            "passed_gate": True,
            "rows": 1200,
            "metrics": {"f1": 0.71, "roc_auc": 0.7, "log_loss": 0.62},
            "forced": None,
            "model_tag": tag,
            "model_file": f"models/{NAME}-v1.bentomodel",
            "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
            "version": "v1",
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in model_files("next").items()},
        }
    ]
    with pytest.raises(PointerMissing):
        registry.current()
    assert set(tree(registry.layout.home)) == {
        f"models/{NAME}-v1.bentomodel",
        "registry/metadata.json",
        "registry/.lock",
    }
    assert registry.verify() == []


def test_the_stored_model_has_labels_and_metadata_that_bentoml_shows(registry):
    promote(registry, save(registry))
    save(registry, passed_gate=False, gate={"champion": [registry.current(), None]})
    model = bentoml.models.get(f"{NAME}:v2")
    assert model.info.metadata["gate"] == {"champion": [f"{NAME}:v1"]}
    assert model.info.labels == {"app": "churn-api", "passed_gate": "false"}
    assert model.info.metadata["metrics"]["f1"] == 0.71


def test_the_next_version_is_free_in_metadata_mirror_and_store(registry):
    assert save(registry) == f"{NAME}:v1"
    (registry.layout.models / f"{NAME}-v2.bentomodel").write_bytes(b"")
    with bentoml.models.create(f"{NAME}:v3"):
        pass
    assert save(registry) == f"{NAME}:v4"
    bentoml.models.delete(f"{NAME}:v4")
    (registry.layout.models / f"{NAME}-v4.bentomodel").unlink()
    assert save(registry) == f"{NAME}:v5"


@pytest.mark.parametrize(
    ("name", "version", "says"),
    [
        (NAME, "v1", "exists already"),
        (NAME, "latest", "version 'latest' is not allowed"),
        (NAME, "V2", "version 'V2' is not allowed"),
        (NAME, "../x", "version '../x' is not allowed"),
        ("a/b", None, "model name 'a/b' is not allowed"),
    ],
)
def test_a_version_that_exists_or_is_none_is_refused_before_anything_is_written(registry, name, version, says):
    save(registry)
    before = tree(registry.layout.home), tree(registry.store.home / "models")
    with pytest.raises(RegistryError, match=says):
        save_files(registry, name, version, model_files("x"), {})
    assert (tree(registry.layout.home), tree(registry.store.home / "models")) == before


def test_archives_of_two_tags_never_share_a_file(registry):
    save_files(registry, "a-b", "c", model_files("x"), {})
    with pytest.raises(RegistryError, match=r"exists already in registry/metadata.json \(as a-b:c\)"):
        save_files(registry, "a", "b-c", model_files("y"), {})


@pytest.mark.parametrize("files", [{}, {"../card.json": b""}, {"model.yaml": b""}])
def test_files_that_could_not_be_stored_are_refused(registry, files):
    with pytest.raises(RegistryError):
        save_files(registry, NAME, None, files, {})
    with pytest.raises(RegistryError, match="not JSON"):
        save_files(registry, NAME, None, model_files("x"), {"metrics": {"f1": float("nan")}})
    assert tree(registry.layout.home) == {"registry/.lock": b""}


def test_a_save_that_fails_half_way_takes_back_what_it_wrote(registry, monkeypatch):
    save(registry)
    (registry.store.home / "models" / NAME / "latest").unlink()  # BentoML makes it anew when it is missing
    before = tree(registry.layout.home), tree(registry.store.home / "models")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "metadata.json")
    monkeypatch.setattr("churn.registry.writer.write_entries", lambda *_: (_ for _ in ()).throw(full))
    with pytest.raises(RegistryError, match="No space left on device"):
        save(registry)
    assert (tree(registry.layout.home), tree(registry.store.home / "models")) == before
    monkeypatch.undo()
    assert save(registry) == f"{NAME}:v2"


def test_a_full_volume_stops_a_promotion_before_anything_has_changed(registry, monkeypatch):
    one, two = save(registry, "one"), save(registry, "two")
    promote(registry, one)
    before = tree(registry.layout.registry)
    real = os.fsync
    for allowed in range(4):  # the note and the three files that are to be replaced
        left = [allowed]

        def fsync(descriptor, left=left):
            if os.fstat(descriptor).st_mode & 0o100000 and (left := _count_down(left)) < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(RegistryError, match=f"promoting {two} failed: No space left on device"):
            promote(registry, two)
        monkeypatch.undo()
        with registry.writing():
            pass
        assert tree(registry.layout.registry) == before
    assert promote(registry, two)


def _count_down(left):
    left[0] -= 1
    return left[0]


def test_promote_writes_pointer_statistics_and_history(registry):
    first, second = save(registry, "one"), save(registry, "two")
    promote(registry, first, reason="first", command="train.py")
    done = promote(registry, second, reason="better", command="train.py --seed 1")
    assert registry.current() == second
    assert registry.layout.pointer.read_bytes() == f"{second}\n".encode()
    assert json.loads(registry.layout.train_stats.read_bytes())["tenure_months"]["of"] == "two"
    lines = [json.loads(line) for line in registry.layout.promotions.read_text().splitlines()]
    assert [(line["from"], line["to"], line["why"], line["command"]) for line in lines] == [
        (None, first, "first", "train.py"),
        (first, second, "better", "train.py --seed 1"),
    ]
    assert done == lines[-1] == registry.history()[-1]
    assert promote(registry, second) is None
    assert len(registry.history()) == 2


def test_promote_refuses_what_is_unknown_or_not_what_was_saved(registry):
    tag = promoted(registry, 1)[0]
    other = save(registry)
    before = tree(registry.layout.registry)
    with pytest.raises(ModelNotFound, match=f"no model 'churn_model:v2'; did you mean {NAME}:v2"):
        promote(registry, "churn_model:v2")
    archive = registry.layout.models / f"{NAME}-v2.bentomodel"
    archive.write_bytes(archive.read_bytes()[:-1])
    with pytest.raises(ArchiveInvalid, match=r"v2.bentomodel is not what was saved: its SHA-256 is .*; restore it"):
        promote(registry, other)
    archive.unlink()
    with pytest.raises(ArchiveInvalid, match=r"v2.bentomodel is missing; restore it"):
        promote(registry, other)
    assert tree(registry.layout.registry) == before
    assert registry.current() == tag


def test_rollback_follows_the_history_not_the_versions_again_and_again(registry):
    one, two, three = (save(registry) for _ in range(3))
    for tag in (two, one, three, two):
        promote(registry, tag)
    assert [rollback(registry)["to"] for _ in range(3)] == [three, one, two]
    with pytest.raises(RegistryError, match="is the first model of the history"):
        rollback(registry)
    promote(registry, three)
    assert rollback(registry)["to"] == two
    assert [line["action"] for line in registry.history()] == ["promote"] * 4 + ["rollback"] * 3 + [
        "promote",
        "rollback",
    ]
    assert registry.verify() == []


def test_rollback_starts_where_a_hand_has_put_the_pointer(registry):
    one, two, three = promoted(registry, 3)
    registry.layout.pointer.write_text(two)
    assert [str(finding.where) for finding in registry.verify()] == [
        "registry/train_stats.json",
        "registry/promotions.jsonl",
    ]
    assert rollback(registry)["to"] == one
    assert registry.verify() == []
    registry.layout.pointer.write_text(three)
    assert rollback(registry)["to"] == one


@given(st.lists(st.sampled_from(["a", "b", "c", "back"]), max_size=30))
def test_the_trail_is_the_way_back_of_a_browser(steps):
    visited, lines = [], []

    def record(action, to, before):
        lines.append({"when": "", "action": action, "from": before, "to": to, "why": "", "command": ""})

    for step in steps:
        before = visited[-1] if visited else None
        if step == "back":
            if len(visited) > 1:
                visited.pop()
                record("rollback", visited[-1], before)
        elif step != before:
            visited.append(step)
            record("promote", step, before)
        # A rollback never leads to the model that is current, so the real history holds no such line.
        if lines and lines[-1]["from"] == lines[-1]["to"]:
            return
    assert trail(lines, visited[-1] if visited else None) == visited


def test_a_waiting_writer_is_told_who_holds_the_lock_and_gives_up_in_time(registry):
    tag = promoted(registry, 1)[0]
    started = registry.layout.home / "started"

    def hold():
        with Registry(registry.layout.home).writing():
            started.touch()
            time.sleep(60)

    pid = fork(hold)
    try:
        wait_until(started.exists, lambda: "the other writer did not start")
        with pytest.raises(RegistryBusy, match=rf"for 0.2 s: process {pid} on .*; wait for it or end it"):  # noqa: SIM117
            with Registry(registry.layout.home).writing(timeout=0.2):
                pass
        assert registry.current() == tag
        assert registry.fetch(tag).is_dir()
    finally:
        os.kill(pid, 9)
        wait(pid)
    assert registry.verify() == []  # the lock died with its process


def test_there_is_one_writer_even_in_one_process_and_before_the_first_model(registry):
    other = Registry(registry.layout.home)
    with registry.writing(create=True) as writer:
        for locked_out in (registry, other):
            with pytest.raises(RegistryBusy), locked_out.writing(create=True, timeout=0.05):
                pass
        tag = writer.save(NAME, None, model_files("first"), {"passed_gate": True})
        assert writer.promote(tag, reason="first")
    assert registry.current() == tag
    assert registry.verify() == []


@pytest.mark.slow
def test_twenty_writers_at_once_lose_nothing(registry):
    def train():
        mine = Registry(registry.layout.home)
        promote(mine, save(mine))

    assert [wait(pid) for pid in [fork(train) for _ in range(20)]] == [0] * 20
    tags = [entry.tag for entry in registry.entries()]
    assert sorted(tags) == sorted(f"{NAME}:v{number}" for number in range(1, 21))
    assert registry.current() in tags
    assert [line["from"] for line in registry.history()[1:]] == [line["to"] for line in registry.history()[:-1]]
    assert registry.verify() == []
