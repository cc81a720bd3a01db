"""Fetching from the mirror: what was saved arrives, and nothing else ever does."""

import functools
import hashlib
import io
import json
import os
import tarfile
import threading

import bentoml.models
import pytest
from registry_home import (
    NAME,
    fork,
    model_files,
    promote,
    prune,
    rollback,
    save,
    save_files,
    small_home,
    store_at,
    wait,
)

from churn.errors import ArchiveInvalid, ModelNotFound, RegistryError
from churn.registry import Registry

TAG = f"{NAME}:v1"


@pytest.fixture
def registry(tmp_path):
    """One model, and a store that does not have it: as in a new pod."""
    with small_home(tmp_path) as made:
        save(made, "v1")
        with store_at(tmp_path / "pod"):
            yield Registry(made.layout.home)


@pytest.fixture
def archive(registry):
    return registry.layout.models / f"{NAME}-v1.bentomodel"


def read(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "model.yaml"}


def record(registry, archive) -> None:
    """Make the metadata agree with an archive, as an attacker who can write both would."""
    entries = json.loads(registry.layout.metadata.read_bytes())
    entries[0]["sha256"] = hashlib.sha256(archive.read_bytes()).hexdigest()
    registry.layout.metadata.write_text(json.dumps(entries))


def rewrite(archive, change, without="") -> None:
    """Pack the archive again without one member, and with `change(tar)` applied at its end."""
    content = archive.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:xz") as old, tarfile.open(archive, "w:xz") as new:
        for member in old:
            if member.name.removeprefix("./") == without:
                continue
            new.addfile(member, old.extractfile(member) if member.isreg() else None)
        change(new)


def test_a_new_pod_imports_from_the_mirror_and_then_has_it(registry, archive):
    folder = registry.fetch(TAG)
    assert read(folder) == model_files("v1")
    assert folder == registry.store.home / "models" / NAME / "v1"
    assert str(bentoml.models.get(TAG).tag) == TAG
    archive.unlink()
    assert registry.fetch(TAG) == folder


def test_a_stale_copy_in_the_store_is_replaced(registry):
    with bentoml.models.create(TAG) as model:
        for name in model_files("v1"):
            with open(model.path_of(name), "wb") as file:  # noqa: PTH123 - a path of BentoML's
                file.write(b"another model of the same tag")
    assert read(registry.fetch(TAG)) == model_files("v1")


@pytest.mark.parametrize("half", [[], ["model.yaml"], ["model.yaml", "card.json"]])
def test_what_a_killed_import_left_in_the_store_is_replaced(registry, half):
    folder = registry.store.home / "models" / NAME / "v1"
    other = folder.with_name("v0")
    for place in (folder, other):
        place.mkdir(parents=True)
        for name in half:
            (place / name).touch()
    folder.with_name("latest").touch()
    assert read(registry.fetch(TAG)) == model_files("v1")
    assert [str(model.tag) for model in bentoml.models.list(NAME)] == [TAG]


def test_two_workers_may_fetch_at_once(registry):
    def fetch():
        assert read(Registry(registry.layout.home).fetch(TAG)) == model_files("v1")

    assert [wait(pid) for pid in [fork(fetch) for _ in range(8)]] == [0] * 8


def test_fetching_an_unknown_model_names_the_near_ones(registry):
    with pytest.raises(ModelNotFound, match=rf"no model '{NAME}:v2'; did you mean {TAG}\?"):
        registry.fetch(f"{NAME}:v2")
    with pytest.raises(ModelNotFound):
        registry.fetch("../../etc:passwd")


def damage(archive, kind):
    content = archive.read_bytes()
    match kind:
        case "truncated":
            archive.write_bytes(content[: len(content) // 2])
        case "flipped byte":
            middle = len(content) // 2
            archive.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        case "empty":
            archive.write_bytes(b"")
        case "missing":
            archive.unlink()


@pytest.mark.parametrize("kind", ["truncated", "flipped byte", "empty", "missing"])
def test_a_damaged_archive_is_refused_by_name_and_verify_says_so(registry, archive, kind):
    damage(archive, kind)
    says = "is missing" if kind == "missing" else "is not what was saved"
    with pytest.raises(ArchiveInvalid, match=rf"{NAME}-v1.bentomodel {says}.*; restore it from a backup, promote"):
        registry.fetch(TAG)
    assert not (registry.store.home / "models" / NAME).exists()
    finding = registry.verify()[0]
    assert finding.where == f"models/{NAME}-v1.bentomodel"
    assert says in finding.what


@pytest.mark.parametrize("kind", ["truncated", "flipped byte", "empty"])
def test_a_damaged_archive_is_refused_even_where_the_metadata_agrees(registry, archive, kind):
    damage(archive, kind)
    record(registry, archive)
    with pytest.raises(ArchiveInvalid, match=rf"{NAME}-v1.bentomodel is damaged"):
        registry.fetch(TAG)


def test_an_archive_that_cannot_be_read_says_why(registry, archive):
    archive.unlink()
    archive.mkdir()
    with pytest.raises(RegistryError, match=r"v1.bentomodel cannot be read: Is a directory"):
        registry.fetch(TAG)


def link(name, target, kind):
    def change(tar):
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, target
        tar.addfile(member)

    return change


def file(name, content=b"x"):
    def change(tar):
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (link("x", "/etc/passwd", tarfile.SYMTYPE), "'x' is a link or a special file"),
        (link("x", "./card.json", tarfile.LNKTYPE), "'x' is a link or a special file"),
        (link("x", "", tarfile.FIFOTYPE), "'x' is a link or a special file"),
        (file("../outside"), "'../outside' lies outside the archive"),
        (file("a/../../outside"), "'a/../../outside' lies outside the archive"),
        (file("/tmp/outside"), "'/tmp/outside' lies outside the archive"),  # noqa: S108 - never written
        (file("..\\outside"), "lies outside the archive"),
        (file("./model.onnx", b"swapped"), "is there twice"),
    ],
)
def test_an_archive_with_links_or_paths_that_escape_is_refused_before_it_is_unpacked(
    registry, archive, change, says, tmp_path
):
    rewrite(archive, change)
    record(registry, archive)
    for work in (registry.fetch, functools.partial(promote, registry)):
        with pytest.raises(ArchiveInvalid) as raised:
            work(TAG)
        assert says.replace("\\", "\\\\") in str(raised.value) or says in str(raised.value)
        assert f"{NAME}-v1.bentomodel" in str(raised.value)
    assert not (registry.store.home / "models" / NAME).exists()
    assert not list(tmp_path.rglob("outside"))


def test_an_archive_of_another_model_is_refused_and_leaves_nothing(registry, archive, tmp_path):
    with store_at(tmp_path / "elsewhere"):
        other = Registry(registry.layout.home)
        save_files(other, "other", "v9", model_files("other"), {})
    archive.write_bytes((registry.layout.models / "other-v9.bentomodel").read_bytes())
    record(registry, archive)
    with pytest.raises(ArchiveInvalid, match=rf"holds the model other:v9, not {TAG}"):
        registry.fetch(TAG)
    assert not (registry.store.home / "models" / "other" / "v9").exists()


def test_an_archive_whose_files_differ_from_the_record_is_refused(registry, archive):
    rewrite(archive, file("./model.onnx", b"swapped"), without="model.onnx")
    record(registry, archive)
    with pytest.raises(ArchiveInvalid, match="does not hold the files that were recorded"):
        registry.fetch(TAG)


def test_prune_keeps_current_predecessor_newest_and_what_is_being_read(registry):
    tags = [TAG, *(save(registry) for _ in range(6))]
    for tag in (tags[0], tags[4], tags[1]):
        promote(registry, tag)
    with store_at(registry.store.home.with_name("reader")):
        reader = Registry(registry.layout.home)
        reader.fetch(tags[2])
        assert prune(registry, 1) == [tags[0], tags[3], tags[5]]
    for tag in (tags[1], tags[2], tags[4], tags[6]):
        assert registry.layout.models.joinpath(tag.replace(":", "-") + ".bentomodel").exists()
    assert [entry.tag for entry in registry.entries()] == tags
    assert registry.verify() == []
    for work in (registry.fetch, functools.partial(promote, registry)):
        with pytest.raises(ArchiveInvalid, match=r"was pruned at 2"):
            work(tags[0])
    assert rollback(registry)["to"] == tags[4]
    with pytest.raises(RegistryError, match="nothing to go back to"):  # the one before was pruned
        rollback(registry)
    assert save(registry) == f"{NAME}:v8"  # a pruned version is not given again
    del reader
    assert tags[2] in prune(registry, 0)


def test_prune_removes_nothing_while_nobody_knows_what_is_served(registry):
    promote(registry, TAG)
    save(registry)
    registry.layout.pointer.write_bytes(b"")
    with pytest.raises(RegistryError, match="promote one first, then prune"):
        prune(registry, 0)
    assert len(list(registry.layout.models.iterdir())) == 2


def test_lost_metadata_are_not_taken_for_a_registry_without_models(registry):
    promote(registry, TAG)
    registry.layout.metadata.unlink()
    for work in (registry.entries, lambda: rollback(registry), lambda: registry.check_can_save(NAME, None)):
        with pytest.raises(
            RegistryError, match=r"is missing, though models were promoted; .* restore it from a backup"
        ):
            work()


def test_a_reader_in_another_process_keeps_its_model(registry):
    tags = [TAG, *(save(registry) for _ in range(2))]
    promote(registry, tags[2])
    told, done = os.pipe(), os.pipe()

    def read_on():
        reader = Registry(registry.layout.home)
        reader.fetch(tags[0])
        os.write(told[1], b"!")
        os.read(done[0], 1)

    pid = fork(read_on)
    os.read(told[0], 1)
    assert prune(registry, 0) == [tags[1]]
    os.write(done[1], b"!")
    assert wait(pid) == 0
    assert prune(registry, 0) == [tags[0]]


def test_readers_go_on_while_a_writer_writes(registry):
    """Every look at the pointer and the metadata finds them whole."""
    tags = [TAG, save(registry)]
    promote(registry, TAG)
    stop = threading.Event()
    seen: set[str] = set()

    def look():
        reader = Registry(registry.layout.home)
        while not stop.is_set():
            seen.add(reader.current())
            assert len(reader.entries()) == 2

    thread = threading.Thread(target=look)
    thread.start()
    for number in range(30):
        promote(registry, tags[(number + 1) % 2])
    stop.set()
    thread.join()
    assert seen == set(tags)
