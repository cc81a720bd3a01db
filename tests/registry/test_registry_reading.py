"""Reading the registry: pointer, tags and metadata, whole and damaged, on a volume that nobody may write."""

import builtins
import errno
import os
import subprocess
import sys
import tracemalloc

import bentoml
import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry_home import model_files, promote, promoted, prune, rollback, save, small_home, store_at

from churn.errors import PointerEmpty, PointerInvalid, PointerMissing, RegistryError, RegistryFolderMissing
from churn.registry import Registry
from churn.registry.tag import Tag, parse_tag


@pytest.fixture
def registry(tmp_path):
    with small_home(tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", PointerEmpty, "is empty; `churn registry promote TAG` sets it"),
        (b" \n", PointerEmpty, "is empty"),
        (b"../../etc/passwd", PointerInvalid, "is not a BentoML tag"),
        (b"model:../../x", PointerInvalid, "is not a BentoML tag"),
        (b"model:latest", PointerInvalid, "is not a BentoML tag"),
        (b"model", PointerInvalid, "is not a BentoML tag"),
        (b"a:b\nc:d\n", PointerInvalid, "is not a BentoML tag"),
        (b"\xff\xfea\x00", PointerInvalid, "is not a BentoML tag"),
        (b"a:" + b"b" * 64, PointerInvalid, "is not a BentoML tag"),
        (b"a:b" * 4_000_000, PointerInvalid, "is longer than 256 bytes"),
    ],
)
def test_a_pointer_that_names_no_model_is_refused_without_reading_it_all(registry, content, error, says):
    registry.layout.registry.mkdir()
    registry.layout.pointer.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(error, match=says) as raised:
            registry.current()
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert len(str(raised.value)) < 400


def test_folder_missing_pointer_missing_and_things_in_its_place_are_told_apart(registry):
    with pytest.raises(RegistryFolderMissing, match=r"or the volume is not mounted; run `churn train`"):
        registry.current()
    for work in (lambda: rollback(registry), registry.verify, registry.entries, lambda: prune(registry, 1)):
        with pytest.raises(RegistryFolderMissing):
            work()
    registry.layout.registry.mkdir()
    with pytest.raises(PointerMissing, match="no model was promoted yet"):
        registry.current()
    assert registry.entries() == []
    assert registry.verify() == []
    registry.layout.pointer.mkdir()
    with pytest.raises(PointerInvalid, match="is a folder"):
        registry.current()
    registry.layout.pointer.rmdir()
    os.mkfifo(registry.layout.pointer)
    with pytest.raises(PointerEmpty):
        registry.current()


def test_a_pointer_that_cannot_be_read_says_why(registry, monkeypatch):
    registry.layout.registry.mkdir()
    monkeypatch.setattr(os, "open", _refuse(errno.EIO, lambda *_: True))
    with pytest.raises(RegistryError, match=r"cannot be read: Input/output error; check the volume"):
        registry.current()


def _refuse(code, applies):
    real = os.open

    def refusing(path, flags, *rest, **options):
        if applies(path, flags):
            raise OSError(code, os.strerror(code), str(path))
        return real(path, flags, *rest, **options)

    return refusing


@given(st.text(alphabet="ab.:-_/\\Z ", max_size=8))
def test_tags_are_bentoml_s(text):
    tag = parse_tag(text)
    if tag is not None:
        assert str(bentoml.Tag.from_str(text)) == text == str(tag)
        assert "/" not in tag.archive_name


def test_reading_works_on_a_read_only_volume(registry, monkeypatch, tmp_path):
    tag = promoted(registry, 1)[0]
    before = {path: path.stat().st_mtime_ns for path in registry.layout.home.rglob("*")}
    home = str(registry.layout.home)

    def writes(mode_or_flags):
        if isinstance(mode_or_flags, str):
            return set(mode_or_flags) & set("wax+")
        return mode_or_flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)

    # As root every permission is granted; so each way to open a file refuses what a read-only mount would.
    monkeypatch.setattr(os, "open", _refuse(errno.EROFS, lambda path, flags: home in str(path) and writes(flags)))
    real = builtins.open

    def read_only_open(path, mode="r", *rest, **options):
        if home in str(path) and writes(mode):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real(path, mode, *rest, **options)

    monkeypatch.setattr(builtins, "open", read_only_open)
    monkeypatch.setattr("io.open", read_only_open)
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    with store_at(tmp_path / "another pod"):
        reader = Registry(registry.layout.home)
        assert reader.current() == tag
        assert (reader.fetch(tag) / "model.onnx").read_bytes() == model_files("v1")["model.onnx"]
        assert [entry.tag for entry in reader.entries()] == [tag]
        assert reader.verify() == []
        with pytest.raises(RegistryError, match=r"Read-only file system"):
            save(reader)
        with pytest.raises(RegistryError, match=r"Read-only file system"):
            promote(reader, tag)
    monkeypatch.undo()
    assert {path: path.stat().st_mtime_ns for path in registry.layout.home.rglob("*")} == before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[{", "is not valid JSON"),
        (b"\xff", "is not valid JSON"),
        (b"{}", "is not a JSON list"),
        (b"[1]", "entry 1 of 1 is not an object"),
        (b'[{"model_tag": "../x:v1"}]', "entry 1 of 1 has no valid model_tag"),
        (b'[{"model_tag": "x:v1", "sha256": "abc"}]', r"entry 1 of 1 \(x:v1\) has no valid sha256"),
        (b'[{"model_tag": "x:v1", "sha256": "%s", "files": {"../a": "b"}}]' % (b"a" * 64), "has no valid files"),
    ],
)
def test_damaged_metadata_is_named_and_never_written_over(registry, content, says):
    tag = promoted(registry, 1)[0]
    registry.layout.metadata.write_bytes(content)
    for work in (registry.entries, lambda: registry.fetch(tag), lambda: save(registry), lambda: promote(registry, tag)):
        with pytest.raises(RegistryError, match=says):
            work()
    assert says.replace("\\", "") in registry.verify()[0].what
    assert registry.layout.metadata.read_bytes() == content
    assert registry.current() == tag


HEAVY = ("bentoml", "sklearn", "pandas", "scipy", "numpy", "rich", "filelock", "tarfile", "onnxruntime", "cryptography")


def test_importing_the_registry_loads_neither_bentoml_nor_the_training_libraries():
    code = f"import sys, churn.registry, churn.settings; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nor_does_reading_a_model_that_the_store_has(registry, tmp_path):
    (tag,) = promoted(registry, 1)
    code = f"""
import pathlib, sys
from churn.registry import Registry
registry = Registry(pathlib.Path({str(registry.layout.home)!r}))
assert (registry.fetch(registry.current()) / "card.json").is_file() and registry.entry({tag!r}) and registry.history()
print([name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_tag_and_archive_name():
    tag = parse_tag("m:v1")
    assert (tag, tag.name, tag.version) == (Tag("m:v1"), "m", "v1")
    assert Tag("m:v1").archive_name == "m-v1.bentomodel"
