"""A service's life beside its registry: before the first model, while models come and go, and when told to leave."""

import json
import shutil
import time
from datetime import UTC, datetime

import httpx
import pytest
from conftest import SAFE, wait_until


def get(server, path):
    return httpx.get(server.url + path)


def predict(server):
    return httpx.post(f"{server.url}/predict", json=SAFE)


def events(server):
    rows = [json.loads(row) for row in server.log.read_text().splitlines() if row.startswith("{")]
    return [row for row in rows if row.get("logger", "").startswith("churn")]


@pytest.mark.slow
def test_without_a_model_it_starts_says_why_and_becomes_ready_without_a_restart(home, serve):
    server = serve(home)
    health = get(server, "/health")
    assert health.status_code == 200
    assert health.json()["status"] == "error"
    for path in ("/ready", "/startup", "/model"):
        assert get(server, path).status_code == 503
    refused = predict(server)
    assert refused.status_code == 503
    assert set(refused.json()) == {"error", "detail"}
    assert refused.headers["x-request-id"]
    assert get(server, "/readyz").status_code == 503
    assert get(server, "/livez").status_code == 200

    done = home.run("train.py")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: get(server, "/ready").status_code == 200, server.log.read_text)
    assert predict(server).json()["model_version"] == "churn_model_v1:v1"
    assert get(server, "/health").json() == {"status": "ok", "current_model": "churn_model_v1:v1"}
    assert "Traceback" not in server.log.read_text()


def test_startup_tells_the_three_states_of_the_registry_apart(home, serve):
    server = serve(home)
    messages = {}

    def startup_says(kind):
        answer = get(server, "/startup")
        assert answer.status_code == 503
        messages[kind] = answer.json()["detail"][0]["msg"]
        return answer.json()["detail"][0]["type"] == kind

    wait_until(lambda: startup_says("registry_folder_missing"), lambda: str(messages))
    home.registry.mkdir()
    wait_until(lambda: startup_says("pointer_missing"), lambda: str(messages))
    home.pointer.write_text("")
    wait_until(lambda: startup_says("pointer_empty"), lambda: str(messages))
    assert len({messages[kind] for kind in ("registry_folder_missing", "pointer_missing", "pointer_empty")}) == 3
    assert all(str(home.registry) in message for message in messages.values())


BAD_POINTERS = {
    "an escaping path": b"churn_model_v1:../../../etc/passwd\n",
    "ten megabytes": b"x" * 10 * 2**20,
    "not text": b"\xff\xfe\x00",
    "empty": b"",
    "another model": b"other_model:v1\n",
    "a model that was never saved": b"churn_model_v1:v99\n",
}


@pytest.mark.slow
def test_a_bad_pointer_leaves_the_model_in_service_and_is_reported_once(home_with_model, serve):
    def point(content):  # replaced, or the service could see a half of it
        new = home_with_model.registry / "new-pointer"
        new.write_bytes(content)
        new.replace(home_with_model.pointer)

    server = serve(home_with_model, CHURN_POLL_SECONDS="0.05")
    good = home_with_model.pointer.read_bytes()
    for pointer in BAD_POINTERS.values():
        point(pointer)
        wait_until(lambda: "detail" in get(server, "/health").json(), server.log.read_text)
        time.sleep(0.2)  # several looks at the pointer
        assert get(server, "/ready").status_code == 200
        assert predict(server).status_code == 200
        point(good)
        wait_until(lambda: "detail" not in get(server, "/health").json(), server.log.read_text)
    problems = [event for event in events(server) if event["event"] == "model not loaded"]
    assert len(problems) == len(BAD_POINTERS)
    assert all(event["model_tag"] == "churn_model_v1:v1" for event in problems)
    assert "Traceback" not in server.log.read_text()


@pytest.mark.slow  # as test_hot_swap.py does with a real mount
def test_a_registry_that_goes_away_and_comes_back_changes_nothing(home_with_model, serve):
    server = serve(home_with_model)
    away = home_with_model.path / "unmounted"
    home_with_model.registry.rename(away)
    wait_until(lambda: "detail" in get(server, "/health").json(), server.log.read_text)
    assert predict(server).status_code == 200
    away.rename(home_with_model.registry)
    wait_until(lambda: "detail" not in get(server, "/health").json(), server.log.read_text)


@pytest.mark.slow
def test_the_model_comes_from_the_mirror_into_an_empty_store(home_with_model, serve):
    assert not any(home_with_model.bentoml_home.glob("models/*"))
    server = serve(home_with_model)
    assert get(server, "/ready").status_code == 200
    assert (home_with_model.bentoml_home / "models" / "churn_model_v1" / "v1" / "model.onnx").exists()


@pytest.mark.slow
def test_a_damaged_archive_is_refused_with_its_name(home_with_model, serve):
    (archive,) = (home_with_model.path / "models").glob("*.bentomodel")
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    server = serve(home_with_model)
    refused = get(server, "/startup")
    assert refused.status_code == 503
    assert refused.json()["detail"][0]["type"] == "archive_invalid"
    assert archive.name in refused.json()["detail"][0]["msg"]
    assert "Traceback" not in server.log.read_text()


SAVE_OF_ANOTHER_SCHEMA = """
import json, pathlib, sys
from churn.registry import Registry
registry = Registry(pathlib.Path(sys.argv[1]))
folder, good = registry.fetch("churn_model_v1:v1"), registry.entry("churn_model_v1:v1")
files = {name: (folder / name).read_bytes() for name in good.files}
files["card.json"] = json.dumps(json.loads(files["card.json"]) | {"schema_version": 7}).encode()
with registry.writing() as writer:
    tag = writer.save("churn_model_v1", "v2", files, good.raw)
registry.layout.pointer.write_text(tag)  # `promote` would refuse it
"""


@pytest.mark.slow
def test_a_model_of_another_schema_is_refused_with_both_versions(home_with_model, serve):
    """The local copy is edited and its digest recorded anew: only the schema version is wrong."""
    done = home_with_model.run("-c", SAVE_OF_ANOTHER_SCHEMA, str(home_with_model.path))
    assert done.returncode == 0, done.stderr
    server = serve(home_with_model)
    message = get(server, "/startup").json()["detail"][0]["msg"]
    assert "schema version 7" in message
    assert "this code has 1" in message


def test_a_bad_setting_ends_the_start_at_once_with_a_message(home):
    done = home.run("-m", "bentoml", "serve", CHURN_POLL_SECONDS="soon", LOG_LEVEL="loud")
    (row,) = map(json.loads, done.stderr.splitlines())
    assert (done.returncode, row["event"]) == (2, "cannot start")
    assert row["reason"].splitlines() == [
        "CHURN_POLL_SECONDS='soon' is not allowed; allowed: a number of seconds from 0.05 to 3600",
        "LOG_LEVEL='loud' is not allowed; allowed: debug, info, warning, error",
    ]


def test_logs_are_json_lines_with_request_id_and_model_tag(home_with_model, serve):
    server = serve(home_with_model, LOG_LEVEL="debug")
    httpx.post(f"{server.url}/predict", json=SAFE | {"request_id": "req-logged"})
    wait_until(lambda: "req-logged" in server.log.read_text(), server.log.read_text)
    (access,) = (event for event in events(server) if event.get("request_id") == "req-logged")
    assert access["level"] == "DEBUG"
    age = (datetime.now(UTC) - datetime.fromisoformat(access["ts"])).total_seconds()
    assert access["ts"].endswith("Z")
    assert 0 <= age < 60
    assert (access["path"], access["status"], access["model_tag"]) == ("/predict", 200, "churn_model_v1:v1")


@pytest.mark.slow
def test_draining_is_told_to_probes_and_clients_and_undone_by_nothing_but_the_end(home_with_model, serve, tmp_path):
    drain = tmp_path / "drain"
    drain.touch()
    time.sleep(1.1)  # a file from before the start does not count
    server = serve(home_with_model, CHURN_DRAIN_FILE=str(drain))
    time.sleep(0.5)
    assert get(server, "/ready").status_code == 200
    assert "connection" not in predict(server).headers
    drain.touch()
    wait_until(lambda: get(server, "/ready").status_code == 503, server.log.read_text)
    assert get(server, "/ready").json()["error"] == "this process is about to end; it still answers what reaches it"
    answer = predict(server)
    assert answer.status_code == 200
    assert answer.headers["connection"] == "close"
    for path, status in {"/health": 200, "/metrics": 200, "/livez": 200, "/nowhere": 404}.items():
        assert (get(server, path).status_code, get(server, path).headers["connection"]) == (status, "close")


@pytest.mark.slow
def test_a_journal_folder_that_cannot_be_written_stops_no_prediction(home_with_model, serve):
    (home_with_model.path / "logs").write_text("a file where the folder should be")
    server = serve(home_with_model)
    assert all(predict(server).status_code == 200 for _ in range(5))
    assert "churn_journal_dropped_total 5.0" in get(server, "/metrics").text
    (dropped,) = (event for event in events(server) if event["event"] == "journal cannot be written")
    assert "reason" in dropped
    (home_with_model.path / "logs").unlink()
    assert predict(server).status_code == 200
    assert len(home_with_model.journal_lines()) == 1
    shutil.rmtree(home_with_model.path / "logs")
    wait_until(lambda: predict(server).status_code == 200 and home_with_model.journal_lines() != [], str)
