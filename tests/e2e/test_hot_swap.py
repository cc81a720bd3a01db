"""A new model goes live under load with no failed request; one that is not what it should be never does."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

import httpx
import pytest
from conftest import SAFE, Home, make_home, start_server, wait_until

pytestmark = pytest.mark.slow  # each is quick, but they need models and servers of their own

GOOD, NEXT = "churn_model_v1:v1", "churn_model_v1:v2"
POLL = 0.2

MAKE_BAD_MODELS = """
import json, pathlib, sys
from churn.registry import Registry
registry = Registry(pathlib.Path(sys.argv[1]))
folder = registry.fetch("churn_model_v1:v1")
good = registry.entry("churn_model_v1:v1")
entry = {key: value for key, value in good.raw.items() if key not in ("model_tag", "files")}
files = {name: (folder / name).read_bytes() for name in good.files}
golden = json.loads(files["golden.json"])
golden["records"][0]["probability"] += 0.01
def save(name, version, **changed):
    with registry.writing() as writer:
        writer.save(name, version, files | changed, entry)
save("churn_model_v1", "golden", **{"golden.json": json.dumps(golden).encode()})
save("churn_model_v1", "onnx", **{"model.onnx": files["model.onnx"][:-200]})
save("other_model", "v1")
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory, trained_home) -> Home:
    """A home with two good models, of which v1 is current, and some that must never be served."""
    home = make_home(tmp_path_factory.mktemp("models"))
    shutil.copytree(trained_home.path, home.path, dirs_exist_ok=True)
    shutil.copytree(trained_home.bentoml_home, home.bentoml_home, dirs_exist_ok=True)
    data = str(home.path / "fresh.csv")
    for command in (
        ("-m", "churn.dataset", "generate", "--rows", "1200", "--seed", "77", "--out", data),
        ("train.py", "--data", data, "--force-reason", "the other of two"),
        ("-c", MAKE_BAD_MODELS, str(home.path)),
        ("-m", "churn.registry", "promote", GOOD),
    ):
        done = home.run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    return home


@pytest.fixture(scope="module")
def pod(models, tmp_path_factory):
    """A running service on a copy of these, with a store of its own, that starts empty: as in a new pod."""
    home = copy_home(models, tmp_path_factory.mktemp("pod"))
    server = start_server(home)
    yield server
    server.stop()


def copy_home(models, folder):
    shutil.copytree(models.path, folder / "home", ignore=shutil.ignore_patterns("logs", "*.log"))
    return Home(folder / "home", folder / "bentoml")


def point_at(home, tag):
    """Replace the pointer as a whole, without what `promote` would check."""
    temporary = home.registry / "pointer.new"
    temporary.write_text(f"{tag}\n")
    temporary.replace(home.pointer)


def served(server):
    answer = httpx.post(f"{server.url}/predict", json=SAFE)
    return answer.json()["model_version"] if answer.status_code == 200 else answer.status_code


def pending(server):
    return httpx.get(f"{server.url}/model").json()["pending"]


def failures(server):
    found = re.search(r"^churn_model_load_failures_total (\S+)", httpx.get(f"{server.url}/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def events(server, name):
    rows = [json.loads(row) for row in server.log.read_text().splitlines() if row.startswith("{")]
    return [row for row in rows if row.get("event") == name]


def archive(home):
    return home.path / "models" / "churn_model_v1-v2.bentomodel"


def truncate(home):
    archive(home).write_bytes(archive(home).read_bytes()[:-100])


def flip_a_byte(home):
    content = bytearray(archive(home).read_bytes())
    content[len(content) // 2] ^= 1
    archive(home).write_bytes(content)


def record_another_digest(home):
    path = home.registry / "metadata.json"
    entries = json.loads(path.read_text())
    next(entry for entry in entries if entry["model_tag"] == NEXT)["sha256"] = "0" * 64
    path.write_text(json.dumps(entries))


BAD_MIRROR = {
    "a truncated archive": (truncate, "is not what was saved: its SHA-256 is"),
    "a flipped byte": (flip_a_byte, "is not what was saved: its SHA-256 is"),
    "a wrong digest": (record_another_digest, "recorded is 000000000000"),
    "a missing archive": (lambda home: archive(home).unlink(), "is missing; restore it"),
}


@pytest.mark.parametrize(("damage", "reason"), BAD_MIRROR.values(), ids=BAD_MIRROR)
def test_a_damaged_mirror_leaves_the_old_model_until_it_is_mended(pod, damage, reason):
    whole = {path: path.read_bytes() for path in (archive(pod.home), pod.home.registry / "metadata.json")}
    before, logged = failures(pod), len(events(pod, "model not loaded"))
    damage(pod.home)
    point_at(pod.home, NEXT)
    assert_stays(pod, NEXT, reason, before, logged)
    for path, content in whole.items():
        path.write_bytes(content)
    wait_until(lambda: served(pod) == NEXT, lambda: str(pending(pod)))
    assert pending(pod) is None
    back_to_the_good_one(pod)


BAD_MODELS = {
    "golden predictions that differ": ("churn_model_v1:golden", "golden prediction differs"),
    "an unreadable model": ("churn_model_v1:onnx", "model.onnx cannot be loaded"),
    "another model's name": ("other_model:v1", "this service serves churn_model_v1"),
}


@pytest.mark.parametrize(("tag", "reason"), BAD_MODELS.values(), ids=BAD_MODELS)
def test_a_bad_model_is_never_served(pod, tag, reason):
    before, logged = failures(pod), len(events(pod, "model not loaded"))
    promoted = pod.home.run("-m", "churn.registry", "promote", tag, BENTOML_HOME=str(pod.home.path / "operator"))
    assert promoted.returncode == 2
    assert reason.removeprefix("this service serves ") in promoted.stderr
    assert pod.home.pointer.read_text().strip() == GOOD
    point_at(pod.home, tag)
    assert_stays(pod, tag, reason, before, logged)
    back_to_the_good_one(pod)


def assert_stays(server, tag, reason, failures_before, logged_before):
    """The old model serves, and health, card, metric and log say once what is pending and why."""
    wait_until(lambda: (pending(server) or {}).get("model_tag") == tag, lambda: str(pending(server)))
    time.sleep(5 * POLL)  # several looks at the pointer
    assert reason in pending(server)["reason"]
    health = httpx.get(f"{server.url}/health").json()
    assert (health["status"], health["current_model"], health["pending"]) == ("ok", GOOD, pending(server))
    assert httpx.get(f"{server.url}/ready").status_code == 200
    assert served(server) == GOOD
    assert failures(server) == failures_before + 1
    (entry,) = events(server, "model not loaded")[logged_before:]
    assert (entry["model_tag"], entry["pending"]) == (GOOD, tag)
    assert "Traceback" not in server.log.read_text()


def back_to_the_good_one(server):
    point_at(server.home, GOOD)
    wait_until(lambda: served(server) == GOOD and pending(server) is None, lambda: str(pending(server)))
    for version in ("v2", "golden", "onnx"):
        shutil.rmtree(server.home.bentoml_home / "models" / "churn_model_v1" / version, ignore_errors=True)


@pytest.fixture
def mount():
    """Mount things for the length of a test."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        pytest.skip("mounting a file system needs root on Linux")
    mounted = []

    def do(*arguments, at):
        done = subprocess.run(["mount", *arguments, str(at)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
        mounted.append(at)

    yield do
    for at in mounted:
        subprocess.run(["umount", "--lazy", str(at)], check=False, capture_output=True)


def fill(path):
    """Write until there is no room left."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    assert shutil.disk_usage(path.parent).free == 0


def test_a_registry_unmounted_and_mounted_again_changes_nothing(models, tmp_path, serve, mount):
    home = copy_home(models, tmp_path)
    home.registry.rename(tmp_path / "volume")
    home.registry.mkdir()
    mount("--bind", str(tmp_path / "volume"), at=home.registry)
    server = serve(home)
    subprocess.run(["umount", str(home.registry)], check=True)  # fails where the service holds a file open there
    wait_until(lambda: pending(server) is not None, lambda: "the service did not notice")
    assert pending(server) == {"model_tag": None, "reason": pending(server)["reason"]}
    assert "current_model.txt is missing" in pending(server)["reason"]
    assert served(server) == GOOD
    assert httpx.get(f"{server.url}/ready").status_code == 200
    mount("--bind", str(tmp_path / "volume"), at=home.registry)
    wait_until(lambda: pending(server) is None, lambda: str(pending(server)))
    point_at(home, NEXT)
    wait_until(lambda: served(server) == NEXT, lambda: str(pending(server)))


def test_a_full_disk_leaves_the_old_model_until_there_is_room(models, tmp_path, serve, mount):
    home = copy_home(models, tmp_path)
    home.bentoml_home.mkdir()
    mount("-t", "tmpfs", "-o", "size=1m", "none", at=home.bentoml_home)
    server = serve(home, PROMETHEUS_MULTIPROC_DIR=str(tmp_path))
    filler = home.bentoml_home / "filler"
    fill(filler)
    promoted = home.run("-m", "churn.registry", "promote", NEXT, BENTOML_HOME=str(tmp_path / "operator"))
    assert promoted.returncode == 0, promoted.stderr
    wait_until(lambda: (pending(server) or {}).get("model_tag") == NEXT, lambda: str(pending(server)))
    assert "No space left on device" in pending(server)["reason"]
    assert served(server) == GOOD
    filler.unlink()  # nothing on the volume changes: it is tried again all the same
    wait_until(lambda: served(server) == NEXT, lambda: str(pending(server)))


def test_a_full_or_read_only_volume_refuses_the_promotion_and_the_service_goes_on(models, tmp_path, serve, mount):
    home = copy_home(models, tmp_path)
    pruned = home.run("-m", "churn.registry", "prune", "--keep", "0")  # the bad ones, which `verify` would name
    assert "golden" in pruned.stdout, pruned.stderr
    home.registry.rename(tmp_path / "content")
    home.registry.mkdir()
    mount("-t", "tmpfs", "-o", "size=1m", "none", at=home.registry)
    shutil.copytree(tmp_path / "content", home.registry, dirs_exist_ok=True)
    server = serve(home)
    filler = home.registry / "filler"
    fill(filler)
    full = home.run("-m", "churn.registry", "promote", NEXT)
    assert (full.returncode, "Traceback" in full.stderr) == (2, False)
    assert "No space left on device" in full.stderr
    filler.unlink()
    mount("-o", "remount,ro", at=home.registry)
    read_only = home.run("-m", "churn.registry", "promote", NEXT)
    assert (read_only.returncode, "Traceback" in read_only.stderr) == (2, False)
    assert "Read-only file system" in read_only.stderr
    time.sleep(3 * POLL)
    assert (served(server), pending(server)) == (GOOD, None)
    mount("-o", "remount,rw", at=home.registry)
    assert home.run("-m", "churn.registry", "promote", NEXT).returncode == 0
    wait_until(lambda: served(server) == NEXT, lambda: str(pending(server)))
    mount("-o", "remount,ro", at=home.registry)  # reading is all that the service does
    assert home.run("-m", "churn.registry", "verify").returncode == 0
