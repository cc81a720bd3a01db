"""No model is put in service that would refuse what clients of the current one send, unless someone says why."""

import json

import pytest
from registry_home import ENTRY, NAME, model_files, save_files, small_home

from churn.registry.__main__ import main
from churn.schema.reading import BUNDLED

BUNDLED_TOML = BUNDLED.read_text(encoding="utf-8")
NARROWER = BUNDLED_TOML.replace("maximum = 200", "maximum = 100")
WIDER = BUNDLED_TOML.replace("maximum = 200", "maximum = 300")


@pytest.fixture
def registry(tmp_path, monkeypatch):
    with small_home(tmp_path) as made:
        monkeypatch.setenv("CHURN_HOME", str(made.layout.home))
        yield made


def save(registry, version, toml):
    files = model_files(version) | ({"schema.toml": toml.encode()} if toml else {})
    return save_files(registry, NAME, version, files, ENTRY)


@pytest.mark.parametrize("current", [BUNDLED_TOML, None], ids=["with a schema", "saved before models had schemas"])
def test_a_narrower_schema_is_promoted_only_with_a_reason(registry, capsys, current):
    old = save(registry, "v1", current)
    new = save(registry, "v2", NARROWER)
    assert main(["promote", old]) == 0
    assert main(["promote", new]) == 3
    said = capsys.readouterr().err
    assert "v2 is not served: it would refuse requests that the current model" in said
    assert "`tenure_months` accepts 0 to 100 instead of 0 to 200" in said
    assert "--accept-schema-change REASON" in said
    assert registry.current() == old
    assert main(["promote", new, "--accept-schema-change", " the clients send months "]) == 0
    assert registry.current() == new
    assert registry.history()[-1]["why"] == "schema change accepted: the clients send months"


def test_a_wider_schema_is_promoted_and_the_way_back_needs_the_reason(registry, capsys):
    main(["promote", save(registry, "v1", BUNDLED_TOML)])
    assert main(["promote", save(registry, "v2", WIDER), "--accept-schema-change", "not needed"]) == 0
    assert registry.history()[-1]["why"] == ""
    assert main(["rollback", "--reason", "it is slow"]) == 3
    assert "`tenure_months` accepts 0 to 200 instead of 0 to 300" in capsys.readouterr().err
    assert registry.current() == f"{NAME}:v2"
    assert main(["rollback", "--reason", "it is slow", "--accept-schema-change", "nobody sends so much"]) == 0
    assert registry.history()[-1]["why"] == "it is slow; schema change accepted: nobody sends so much"


def test_an_empty_reason_is_none(registry, capsys):
    assert main(["promote", save(registry, "v1", WIDER), "--accept-schema-change", " "]) == 2
    assert "the reason is empty" in capsys.readouterr().err


def test_where_nobody_knows_what_the_current_model_accepts_the_new_one_is_promoted(registry):
    old = save(registry, "v1", WIDER)
    new = save(registry, "v2", BUNDLED_TOML)
    main(["promote", old])
    registry.layout.archive(registry.entry(old).tag).unlink()
    assert main(["promote", new]) == 0


def test_a_damaged_schema_is_refused_by_promote(registry, capsys):
    assert main(["promote", save(registry, "v1", "version = 2")]) == 2
    said = capsys.readouterr().err
    assert "schema.toml is not a schema" in said
    assert "line 1, version" in said


@pytest.mark.slow
def test_train_saves_such_a_model_and_says_why_it_is_not_served(home_with_model, tmp_path):
    schema = tmp_path / "narrower.toml"
    schema.write_text(NARROWER, encoding="utf-8")
    before = home_with_model.pointer.read_text(encoding="utf-8")
    done = home_with_model.run("train.py", "--schema", str(schema), "--version", "narrow")
    assert done.returncode == 3, done.stderr
    assert "narrow is not served" in done.stdout
    assert "It is kept in the registry; the current model is unchanged." in done.stdout
    assert home_with_model.pointer.read_text(encoding="utf-8") == before
    entry = json.loads((home_with_model.registry / "metadata.json").read_text(encoding="utf-8"))[-1]
    assert entry["passed_gate"]
    assert entry["schema"]["name"] == "churn"
