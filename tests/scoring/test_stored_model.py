"""A model of the registry, as it is loaded, travels, and is remembered; and why there is none."""

import os
import pickle
import subprocess
import sys

import pytest
from conftest import ROOT, SAFE
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from registry_home import model_files, promote, promoted, save, save_files, small_home

from churn.errors import NoModel, SettingsError
from churn.model.scorer import Scorer
from churn.registry import Registry
from churn.registry.tag import Tag
from churn.schema.record import Customer
from churn.scoring import stored_model
from churn.scoring.stored_model import StoredModel, load_model
from churn.signing import read_model_key


@pytest.fixture
def registry(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("CHURN_", "MODEL_"))]:
        monkeypatch.delenv(name)
    with small_home(tmp_path) as made:
        monkeypatch.setenv("CHURN_HOME", str(made.layout.home))
        yield made


def model_of(mark):
    return StoredModel(f"churn_model_v1:{mark}", model_files(mark))


def why(*arguments, **options):
    with pytest.raises(NoModel) as refused:
        load_model(*arguments, **options)
    return str(refused.value)


def test_the_current_model_is_loaded_and_any_other_by_its_tag(registry, tmp_path, monkeypatch):
    first, second = promoted(registry, 2)
    assert (load_model().tag, load_model(first).tag) == (second, first)
    assert load_model().scorer.score([Customer(SAFE)]) == model_of("v2").scorer.score([Customer(SAFE)])
    monkeypatch.setenv("CHURN_HOME", str(tmp_path))
    assert load_model(home=registry.layout.home).tag == second


def test_a_model_of_another_name_than_the_service_has_may_be_asked_for(registry, monkeypatch):
    monkeypatch.setenv("MODEL_NAME", "churn_model_v1")
    tag = save_files(registry, "win_back", "v1", model_files("v1"), {"passed_gate": True})
    assert load_model(tag).scorer.tag == "win_back:v1"


def test_nothing_but_what_is_served_travels(registry):
    files = model_files("v1") | {"model.skops": b"large", "reference.json": b"{}"}
    promote(registry, save_files(registry, "churn_model_v1", "v1", files, {"passed_gate": True}))
    assert set(load_model().files) == {"model.onnx", "card.json", "golden.json"}


def test_another_process_scores_alike_without_a_registry(tmp_path):
    model = model_of("v1")
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps(model))
    script = (
        "import pathlib, pickle, sys\n"
        "from churn.schema.record import Customer\n"
        "model = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
        f"print(model.tag, model.scorer.score([Customer({SAFE!r})])[0])"
    )
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "CHURN_HOME": str(tmp_path / "nowhere")}
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], env=environment, capture_output=True, text=True, check=True
    )
    (expected,) = model.scorer.score([Customer(SAFE)])
    assert done.stdout.split() == [model.tag, repr(expected)]


def test_a_scorer_is_made_once_for_the_same_files_and_anew_for_others(monkeypatch):
    made = []
    from_files = Scorer.from_files
    monkeypatch.setattr(Scorer, "from_files", lambda tag, files: made.append(tag) or from_files(tag, files))
    monkeypatch.setattr(stored_model, "_scorers", {})
    model = model_of("a")
    again = StoredModel(model.tag, {name: bytes(bytearray(content)) for name, content in model.files.items()})
    assert model.scorer is again.scorer is StoredModel(model.tag, dict(reversed(model.files.items()))).scorer
    assert StoredModel(model.tag, model_files("b")).scorer is not model.scorer
    assert made == [model.tag] * 2
    for mark in "bcde":
        assert model_of(mark).scorer.tag == f"churn_model_v1:{mark}"
    assert len(stored_model._scorers) == 4
    assert model.scorer.tag == model.tag  # forgotten, and made again
    assert len(made) == 7


def test_where_there_is_no_registry_it_says_how_to_make_one(tmp_path, monkeypatch):
    assert "churn train" in why(home=tmp_path)
    monkeypatch.setenv("CHURN_HOME", str(tmp_path))
    assert str(tmp_path) in why()


@pytest.mark.parametrize("content", ["", "\n", "no tag"])
def test_a_pointer_that_names_no_model_is_cured_by_promoting(registry, content):
    promoted(registry, 1)
    registry.layout.pointer.write_text(content)
    assert "`churn registry promote TAG` sets it" in why()


def test_without_a_pointer_a_model_can_still_be_asked_for(registry):
    tag = save(registry)
    assert "no model was promoted yet" in why()
    assert load_model(tag).tag == tag


@pytest.mark.parametrize("tag", ["churn_model_v1:v9", "churn_model_v1", "../../etc:passwd", "x" * 5_000])
def test_a_tag_that_is_not_there_is_answered_with_those_that_are(registry, tag):
    promoted(registry, 1)
    assert "churn_model_v1:v1" in why(tag)


def test_a_damaged_archive_is_no_model(registry):
    tag = Tag(*promoted(registry, 1))
    registry.store.folder(tag).joinpath("model.onnx").write_bytes(b"damaged")
    registry.layout.archive(tag).write_bytes(b"damaged too")
    assert "retrain" in why()


def test_a_model_that_is_not_what_was_trained_is_no_model(registry):
    files = model_files("v1") | {"model.onnx": model_files("v2")["model.onnx"]}
    tag = save_files(registry, "churn_model_v1", "v1", files, {"passed_gate": True})
    assert "golden prediction differs" in why(tag)


def test_with_a_key_only_what_it_signed_is_scored_with(registry, tmp_path, monkeypatch):
    tag = save(registry, "v1")
    key = Ed25519PrivateKey.generate()
    path = tmp_path / "key.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    monkeypatch.setenv("MODEL_SIGNING_KEY_FILE", str(path))
    assert "promote a model that was trained with this key, or train one" in why(tag)
    signed = save(Registry(registry.layout.home, read_model_key(path)), "v2")
    assert load_model(signed).tag == signed


def test_a_setting_that_is_not_allowed_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match="CHURN_HOME"):
        load_model()
