"""A model that the service would refuse is neither promoted nor gone back to, and `verify` names it."""

import json

import pytest
from registry_home import ENTRY, NAME, model_files, promote, promoted, save, save_files, small_home, store_at, tree

import churn.model.scorer
from churn.errors import ArchiveInvalid, ModelInvalid
from churn.registry import Registry
from churn.registry.__main__ import main

ONE, BAD = f"{NAME}:v1", f"{NAME}:bad"
GOOD = model_files("bad")


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """One good model, which is current."""
    with small_home(tmp_path) as made:
        monkeypatch.setenv("CHURN_HOME", str(made.layout.home))
        promoted(made, 1)
        yield made


def run(capsys, *arguments):
    code = main(arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def changed(name, change):
    """A good model, one JSON file of which is changed."""
    return GOOD | {name: json.dumps(json.loads(GOOD[name]) | change).encode()}


def renamed(old, new):
    """A good model, one name in whose graph is changed."""
    assert old in GOOD["model.onnx"]
    return GOOD | {"model.onnx": GOOD["model.onnx"].replace(old, new)}


def without(name):
    return {key: content for key, content in GOOD.items() if key != name}


UNSERVABLE = {
    "another schema version": (changed("card.json", {"schema_version": 7}), "has schema version 7, this code has 1"),
    "no schema version": (changed("card.json", {"schema_version": None}), "has schema version None, this code has 1"),
    "a card without a threshold": (changed("card.json", {"threshold": None}), "card.json lacks or garbles"),
    "golden predictions that differ": (GOOD | {"golden.json": model_files("v1")["golden.json"]}, "prediction differs"),
    "no golden prediction": (changed("golden.json", {"records": []}), "golden.json holds no record"),
    "a golden record of other fields": (changed("golden.json", {"records": [{"customer": {}}]}), "golden.json cannot"),
    "no golden.json": (without("golden.json"), "lacks golden.json; retrain it, or promote another model"),
    "golden.json is no JSON": (GOOD | {"golden.json": b"{"}, "golden.json cannot be read: Expecting"),
    "no model.onnx": (without("model.onnx"), "lacks model.onnx"),
    "half of model.onnx": (GOOD | {"model.onnx": GOOD["model.onnx"][:99]}, "model.onnx cannot be loaded"),
    "other inputs": (renamed(b"categories", b"categorics"), "takes the inputs"),
    "another output": (renamed(b"probabilities", b"probabilitiez"), "cannot be loaded"),
}


@pytest.mark.parametrize(("files", "says"), UNSERVABLE.values(), ids=UNSERVABLE)
def test_what_the_service_would_refuse_is_not_promoted_and_verify_names_it(registry, capsys, files, says):
    save_files(registry, NAME, "bad", files, ENTRY)
    before = tree(registry.layout.home)
    code, out, err = run(capsys, "promote", BAD)
    assert (code, out) == (2, "")
    assert BAD in err
    assert says in err
    assert "retrain" in err
    assert tree(registry.layout.home) == before
    code, out, _ = run(capsys, "verify")
    assert (code, out.count("\n")) == (3, 1)
    assert out.startswith(f"models/{NAME}-bad.bentomodel: ")
    assert says in out
    assert "current model" not in out


def test_a_rollback_to_a_model_of_an_older_schema_is_refused(registry, capsys, monkeypatch):
    monkeypatch.setattr(churn.model.scorer, "RECORD_VERSION", 2)
    promote(registry, save_files(registry, NAME, "v2", changed("card.json", {"schema_version": 2}), ENTRY))
    before = tree(registry.layout.home)
    code, _, err = run(capsys, "rollback")
    assert code == 2
    assert f"model {ONE} has schema version 1, this code has 2" in err
    assert "promote another model" in err
    assert tree(registry.layout.home) == before
    code, out, _ = run(capsys, "verify")
    assert (code, f"{NAME}-v1.bentomodel: model {ONE} has schema version 1" in out) == (3, True)


def test_verify_says_that_the_current_model_cannot_be_served(registry, capsys, monkeypatch):
    monkeypatch.setattr(churn.model.scorer, "RECORD_VERSION", 2)
    code, out, _ = run(capsys, "verify")
    assert (code, out.count("\n")) == (3, 1)
    assert out.endswith("it is the current model: a service that starts now has none\n")
    code, _, err = run(capsys, "promote", ONE)
    assert (code, "has schema version 1" in err) == (2, True), "that it is current already does not hide it"


def test_an_archive_with_other_files_than_were_recorded_is_not_promoted(registry):
    save(registry, "v2")
    entries = json.loads(registry.layout.metadata.read_bytes())
    entries[1]["files"]["golden.json"] = "0" * 64
    registry.layout.metadata.write_text(json.dumps(entries))
    with pytest.raises(ArchiveInvalid, match=rf"does not hold the files that were recorded for {NAME}:v2"):
        promote(registry, f"{NAME}:v2")
    assert registry.current() == ONE
    assert "does not hold the files" in registry.verify()[0].what


def test_an_archive_of_another_model_is_not_promoted(registry):
    save(registry, "v2")
    save(registry, "v3")
    entries = json.loads(registry.layout.metadata.read_bytes())
    entries[1].update({name: entries[2][name] for name in ("sha256", "files")})
    registry.layout.metadata.write_text(json.dumps(entries))
    archives = [registry.layout.models / f"{NAME}-{version}.bentomodel" for version in ("v2", "v3")]
    archives[0].write_bytes(archives[1].read_bytes())
    with pytest.raises(ArchiveInvalid, match=rf"holds the model {NAME}:v3, not {NAME}:v2"):
        promote(registry, f"{NAME}:v2")
    with store_at(registry.store.home.with_name("pod")), pytest.raises(ArchiveInvalid, match="holds the model"):
        Registry(registry.layout.home).fetch(f"{NAME}:v2")


@pytest.mark.parametrize("version", ["1", "1.0", "on", "2026-11-20", "v1.2_x"])
def test_versions_that_look_like_other_things_are_promoted(registry, version):
    assert promote(registry, save(registry, version))["to"] == f"{NAME}:{version}"


def test_a_model_of_another_name_is_promoted_only_where_that_is_served(registry, capsys, monkeypatch):
    save_files(registry, "other", "v1", model_files("other"), ENTRY)
    code, _, err = run(capsys, "promote", "other:v1")
    assert (code, registry.current()) == (2, ONE)
    assert f"other:v1 is not of the name that is served, MODEL_NAME={NAME}: " in err
    assert "set MODEL_NAME=other here and for the service" in err
    assert run(capsys, "verify")[0] == 0, "a registry may hold models of other names"
    monkeypatch.setenv("MODEL_NAME", "other")
    code, out, _ = run(capsys, "verify")
    assert (code, out.startswith(f"registry/current_model.txt: it names {ONE}, and MODEL_NAME is other")) == (3, True)
    assert run(capsys, "promote", "other:v1")[0] == 0
    assert run(capsys, "verify")[0] == 0
    code, _, err = run(capsys, "rollback")
    assert (code, f"{ONE} is not of the name" in err, registry.current()) == (2, True, "other:v1")
    monkeypatch.setenv("MODEL_NAME", NAME)
    assert run(capsys, "rollback")[0] == 0


def test_checking_writes_nothing_into_the_store(registry, tmp_path):
    save(registry, "v2")
    with store_at(tmp_path / "operator"):
        before = tree(tmp_path / "operator")
        promote(Registry(registry.layout.home), f"{NAME}:v2")
        assert tree(tmp_path / "operator") == before


def test_a_surprise_while_checking_is_a_reason_like_others(registry, monkeypatch):
    def surprise(*_):
        raise RuntimeError("no such thing")

    monkeypatch.setattr(churn.model.scorer.Scorer, "check_golden", surprise)
    with pytest.raises(ModelInvalid, match=r"cannot be loaded: RuntimeError\('no such thing'\); retrain it"):
        promote(registry, save(registry, "v2"))
