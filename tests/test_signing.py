"""Models signed by a key: what is signed passes, whatever else somebody puts on the volume does not."""

import json
import shutil
import subprocess

import httpx
import pytest
from conftest import SAFE, wait_until
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from registry_home import NAME, model_files, promote, rollback, save, small_home

from churn.errors import SettingsError, SignatureInvalid, SigningImpossible
from churn.registry import Registry
from churn.settings import read_settings
from churn.signing import read_model_key

PASSWORD = form.BestAvailableEncryption(b"secret")


def write_private(path, key, encryption=None):
    path.write_bytes(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, encryption or form.NoEncryption()))
    return path


def write_pair(folder, name):
    """A private and a public key file."""
    key = Ed25519PrivateKey.generate()
    public = folder / f"{name}.pub"
    public.write_bytes(key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo))
    return write_private(folder / f"{name}.pem", key), public


@pytest.fixture
def keys(tmp_path):
    """The trainer's key pair as files."""
    return write_pair(tmp_path, "trainer")


@pytest.fixture
def signed(tmp_path, keys):
    """A registry whose writer has the private key, with one current model."""
    with small_home(tmp_path) as plain:
        registry = Registry(plain.layout.home, read_model_key(keys[0]))
        promote(registry, save(registry, "v1"))
        yield registry


def reader(registry, public):
    return Registry(registry.layout.home, read_model_key(public))


def stranger(registry):
    """Somebody who can write the volume, and has no key."""
    return Registry(registry.layout.home)


def edit(registry, change):
    entries = json.loads(registry.layout.metadata.read_text())
    change(entries)
    registry.layout.metadata.write_text(json.dumps(entries))


def test_what_was_signed_is_fetched_promoted_and_verified_with_the_public_key(signed, keys):
    tag = save(signed, "v2")
    service = reader(signed, keys[1])
    assert (service.fetch(tag) / "model.onnx").read_bytes() == model_files("v2")["model.onnx"]
    promote(service, tag)
    assert rollback(service)["to"] == f"{NAME}:v1"
    assert service.verify() == []
    assert service.entry(tag).raw["signature"].keys() == {"key", "value"}


def test_without_a_key_nothing_is_signed_or_asked_for(signed):
    plain = stranger(signed)
    assert "signature" not in plain.entry(save(plain, "v2")).raw
    promote(plain, f"{NAME}:v2")
    assert plain.fetch(f"{NAME}:v2").is_dir()


def test_an_unsigned_model_is_neither_fetched_nor_promoted_nor_gone_back_to(signed, keys):
    tag = save(stranger(signed), "v2")
    service = reader(signed, keys[1])
    with pytest.raises(SignatureInvalid, match=f"{tag} is not signed, and MODEL_SIGNING_KEY_FILE asks for it"):
        service.fetch(tag)
    with pytest.raises(SignatureInvalid):
        promote(service, tag)
    assert service.current() == f"{NAME}:v1"
    promote(stranger(signed), tag)
    promote(service, save(signed, "v3"))
    with pytest.raises(SignatureInvalid):
        rollback(service)
    assert service.current() == f"{NAME}:v3"
    (finding,) = service.verify()
    assert f"{tag} is not signed" in str(finding)


def test_another_key_is_named(signed, tmp_path):
    ours = signed.entry(f"{NAME}:v1").raw["signature"]["key"]
    other = read_model_key(write_pair(tmp_path, "other")[1])
    with pytest.raises(SignatureInvalid, match=f"signed by the key {ours}, not by {other.fingerprint}"):
        Registry(signed.layout.home, other).fetch(f"{NAME}:v1")


def replace_the_model(entries):
    """Archive, digests and all: as the unsigned v2, which is whole, under the name and signature of v1."""
    entries[0].update({name: entries[1][name] for name in ("sha256", "files")})


def borrow_the_signature(entries):
    entries[1]["signature"] = entries[0]["signature"]


def garble_the_signature(entries):
    entries[0]["signature"]["value"] = "not base64!"


def empty_the_signature(entries):
    entries[0]["signature"] = {}


@pytest.mark.parametrize(
    ("change", "tag"),
    [
        (replace_the_model, f"{NAME}:v1"),
        (borrow_the_signature, f"{NAME}:v2"),
        (garble_the_signature, f"{NAME}:v1"),
        (empty_the_signature, f"{NAME}:v1"),
    ],
)
def test_a_record_that_was_changed_is_refused(signed, keys, change, tag):
    save(stranger(signed), "v2")
    edit(signed, change)
    with pytest.raises(SignatureInvalid):
        reader(signed, keys[1]).fetch(tag)


def test_a_public_key_cannot_train_and_says_so_before_anything_is_written(signed, keys):
    before = signed.layout.metadata.read_bytes()
    service = reader(signed, keys[1])
    for attempt in (lambda: save(service, "v2"), lambda: service.check_can_save(NAME, None)):
        with pytest.raises(SigningImpossible, match="train with the private key"):
            attempt()
    assert signed.layout.metadata.read_bytes() == before
    assert [path.name for path in signed.layout.models.iterdir()] == [f"{NAME}-v1.bentomodel"]


def bad_key_files(folder):
    yield folder / "absent.pem", "No such file"
    (folder / "text.pem").write_text("hello")
    yield folder / "text.pem", "it holds something else"
    yield write_private(folder / "encrypted.pem", Ed25519PrivateKey.generate(), PASSWORD), "it holds something else"
    yield write_private(folder / "other.pem", X25519PrivateKey.generate()), "it holds something else"


def test_a_file_that_holds_no_key_ends_the_start_with_a_message(tmp_path):
    for path, reason in bad_key_files(tmp_path):
        with pytest.raises(SettingsError) as caught:
            read_settings({"MODEL_SIGNING_KEY_FILE": str(path)})
        assert f"MODEL_SIGNING_KEY_FILE='{path}' cannot be used ({reason}" in str(caught.value)
        assert "openssl genpkey -algorithm ed25519" in str(caught.value)


def test_the_command_that_the_message_names_makes_a_key(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    private, public = tmp_path / "model.pem", tmp_path / "model.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    assert read_model_key(private).fingerprint == read_model_key(public).fingerprint
    assert "PRIVATE" not in repr(read_settings({"MODEL_SIGNING_KEY_FILE": str(private)}))


@pytest.mark.slow
def test_a_service_with_the_public_key_serves_what_train_signed_and_nothing_else(home, serve, keys):
    trained = home.run("train.py", MODEL_SIGNING_KEY_FILE=str(keys[0]))
    assert trained.returncode == 0, trained.stdout + trained.stderr
    server = serve(home, MODEL_SIGNING_KEY_FILE=str(keys[1]))
    assert httpx.post(f"{server.url}/predict", json=SAFE).json()["model_version"] == f"{NAME}:v1"
    refused = home.run("train.py", MODEL_SIGNING_KEY_FILE=str(keys[1]))
    assert (refused.returncode, "train with the private key" in refused.stderr) == (2, True)
    unsigned = home.run("train.py", "--force-reason", "a stranger's")
    assert unsigned.returncode == 0, unsigned.stderr
    wait_until(lambda: httpx.get(f"{server.url}/model").json()["pending"], server.log.read_text)
    assert f"{NAME}:v2 is not signed" in httpx.get(f"{server.url}/health").json()["pending"]["reason"]
    assert httpx.post(f"{server.url}/predict", json=SAFE).json()["model_version"] == f"{NAME}:v1"
    assert "Traceback" not in server.log.read_text()
