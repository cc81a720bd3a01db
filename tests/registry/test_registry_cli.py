"""`python -m churn.registry`, as it is typed."""

import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest
from conftest import ROOT, Home
from registry_home import NAME, promote, save, small_home

from churn.registry import Registry
from churn.registry.__main__ import main

ONE, TWO = f"{NAME}:v1", f"{NAME}:v2"


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """Two models that passed, the first of them promoted, and one that the gate refused."""
    with small_home(tmp_path) as made:
        save(made)
        save(made)
        save(made, passed_gate=False)
        promote(made, ONE)
        monkeypatch.setenv("CHURN_HOME", str(made.layout.home))
        yield made


def run(capsys, *arguments):
    code = main(arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def run_json(capsys, *arguments):
    code, out, _ = run(capsys, *arguments, "--json")
    return code, json.loads(out)


def test_as_a_user_types_it(registry, tmp_path):
    home = Home(registry.layout.home, tmp_path / "bentoml")
    done = home.run("-m", "churn.registry", "promote", TWO, "--reason", "it is better")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"current model: {TWO} (before: {ONE})\n", "")
    assert registry.history()[-1]["command"] == f"python -m churn.registry promote {TWO} --reason 'it is better'"
    assert registry.history()[-1]["why"] == "it is better"
    unknown = home.run("-m", "churn.registry", "show", "nothing:v1")
    assert unknown.returncode == 2
    assert unknown.stderr.startswith("churn.registry show: there is no model 'nothing:v1'; did you mean")
    assert home.run("-m", "churn.registry").returncode == 2


def test_list_is_aligned_text_in_a_pipe(registry, capsys):
    code, out, _ = run(capsys, "list")
    assert code == 0
    assert out.splitlines() == [
        "  model             trained (UTC) rows F1     AUC    loss   gate    archive",
        "* churn_model_v1:v1               1200 0.7100 0.7000 0.6200 passed  kept",
        "  churn_model_v1:v2               1200 0.7100 0.7000 0.6200 passed  kept",
        "  churn_model_v1:v3               1200 0.7100 0.7000 0.6200 refused kept",
    ]


def test_the_current_model_stands_out_at_a_terminal(registry, tmp_path):
    shown = at_a_terminal(Home(registry.layout.home, tmp_path / "bentoml"), "list")
    assert re.search(rf"^\x1b\[1;32m\* {ONE} .*\x1b\[0m$", shown, re.MULTILINE)


def at_a_terminal(home, *arguments):
    """What a command shows at a terminal of 80 columns."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {name: text for name, text in home.environment.items() if name != "COLUMNS"} | {"TERM": "xterm"}
    command = [sys.executable, "-m", "churn.registry", *arguments]
    subprocess.run(command, cwd=ROOT, env=environment, stdout=child, check=True)
    os.close(child)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while read := os.read(parent, 65536):
            shown += read
    os.close(parent)
    return shown.decode().replace("\r\n", "\n")


def test_each_command_speaks_json(registry, capsys):
    code, listed = run_json(capsys, "list")
    assert (code, listed["current"], [entry["model_tag"] for entry in listed["models"]][:2]) == (0, ONE, [ONE, TWO])
    code, shown = run_json(capsys, "show")
    assert (code, shown["model_tag"], shown["current"]) == (0, ONE, True)
    assert run_json(capsys, "show", TWO)[1]["current"] is False
    code, promoted = run_json(capsys, "promote", TWO)
    assert (code, promoted["current"], promoted["promotion"]["from"]) == (0, TWO, ONE)
    assert run_json(capsys, "promote", TWO) == (0, {"current": TWO, "promotion": None})
    code, back = run_json(capsys, "rollback", "--reason", "worse")
    assert (code, back["current"], back["promotion"]["why"]) == (0, ONE, "worse")
    assert run_json(capsys, "verify") == (0, {"ok": True, "findings": []})
    assert run_json(capsys, "prune", "--keep", "1") == (0, {"removed": [TWO]})


def test_metadata_is_passed_through_as_it_stands(registry, capsys):
    """Keys of a later release, and values of another kind than this one writes."""
    path = registry.layout.metadata
    entries = json.loads(path.read_bytes())
    entries[1] |= {"owner": {"team": ["growth"]}, "metrics": None, "trained_at_utc": None, "rows": "many"}
    entries[2]["passed_gate"] = 0
    path.write_text(json.dumps(entries))
    listed = [entry | {"archive": "kept"} for entry in entries]
    assert run(capsys, "list", "--json")[1] == json.dumps({"current": ONE, "models": listed}, indent=1) + "\n"
    assert run(capsys, "show", TWO, "--json")[1] == json.dumps(listed[1] | {"current": False}, indent=1) + "\n"
    assert "many" in run(capsys, "list")[1]
    assert run(capsys, "prune", "--keep", "1")[1] == f"removed: {TWO}\n"
    entries[1]["pruned_at_utc"] = json.loads(path.read_bytes())[1]["pruned_at_utc"]
    assert path.read_bytes() == json.dumps(entries, indent=1).encode() + b"\n"


def test_an_archive_that_is_gone_is_called_missing(registry, capsys):
    run(capsys, "prune", "--keep", "1")  # v2
    registry.layout.archive(registry.entry(ONE).tag).unlink()
    rows = run(capsys, "list")[1].splitlines()[1:]
    assert [row.split()[-1] for row in rows] == ["MISSING", "pruned", "kept"]
    listed = run_json(capsys, "list")[1]["models"]
    assert [model["archive"] for model in listed] == ["missing", "pruned", "kept"]
    assert run_json(capsys, "show", ONE)[1]["archive"] == "missing"


def test_each_command_speaks_to_people(registry, capsys):
    assert "metrics.f1" in run(capsys, "show", TWO)[1]
    assert run(capsys, "promote", ONE)[:2] == (0, f"{ONE} is the current model already\n")
    assert run(capsys, "promote", TWO)[:2] == (0, f"current model: {TWO} (before: {ONE})\n")
    assert run(capsys, "rollback")[:2] == (0, f"current model: {ONE} (before: {TWO})\n")
    assert run(capsys, "verify")[:2] == (0, "all is as recorded\n")
    assert run(capsys, "prune", "--keep", "0")[:2] == (0, f"removed: {TWO}, {NAME}:v3\n")
    assert run(capsys, "prune", "--keep", "0")[:2] == (0, "removed: nothing\n")
    assert "pruned" in run(capsys, "list")[1]


def test_a_model_that_the_gate_refused_needs_a_reason(registry, capsys):
    code, _, err = run(capsys, "promote", f"{NAME}:v3")
    assert (code, registry.current()) == (2, ONE)
    assert "--reason TEXT" in err
    assert run(capsys, "promote", f"{NAME}:v3", "--reason", "an experiment")[0] == 0
    assert registry.history()[-1]["why"] == "an experiment"


def test_verify_exits_3_and_names_what_is_wrong(registry, capsys):
    (registry.layout.models / f"{NAME}-v2.bentomodel").write_bytes(b"x")
    (registry.layout.models / f"{NAME}-v9.bentomodel").write_bytes(b"x")
    registry.layout.pointer.write_text("../x")
    with registry.layout.promotions.open("a") as file:
        file.write("half a li")
    code, out, _ = run(capsys, "verify")
    assert code == 3
    assert [line.partition(":")[0] for line in out.splitlines()] == [
        f"models/{NAME}-v2.bentomodel",
        f"models/{NAME}-v9.bentomodel",
        "registry/current_model.txt",
        "registry/promotions.jsonl",
    ]
    code, found = run_json(capsys, "verify")
    assert (code, found["ok"], len(found["findings"])) == (3, False, 4)


@pytest.mark.parametrize(
    "arguments",
    [["prune"], ["prune", "--keep", "-1"], ["prune", "--keep", "x"], ["promote"], ["dance"], []],
)
def test_bad_usage_exits_2(arguments, capsys):
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "python -m churn.registry" in said.err


@pytest.mark.parametrize(
    "command", ["list", "show", f"compare {ONE} {TWO}", f"promote {ONE}", "rollback", "verify", "prune --keep 1"]
)
def test_an_unusable_registry_is_a_message_and_exit_2(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CHURN_HOME", str(tmp_path))
    code, out, err = run(capsys, *command.split())
    assert (code, out) == (2, "")
    assert "registry is missing: nothing was trained here" in err
    assert not list(tmp_path.iterdir())


def test_list_and_promote_work_without_a_valid_pointer(registry, capsys):
    registry.layout.pointer.write_bytes(b"")
    assert run(capsys, "list")[0] == 0
    assert run(capsys, "rollback")[0] == 2
    assert run(capsys, "promote", TWO)[0] == 0
    assert Registry(registry.layout.home).current() == TWO
