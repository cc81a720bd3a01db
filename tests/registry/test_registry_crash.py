"""`kill -9` at any moment: nothing recorded is lost, `verify` names what is left over, the next command works."""

import functools
import json
import os
import random
import signal
import sys
import time

import pytest
from registry_home import NAME, fork, promote, prune, rollback, save_reported, small_home, wait

from churn.errors import ChurnError, PointerMissing
from churn.registry import Registry
from churn.registry.archive import digest_of
from churn.registry.tag import parse_tag

KILLS = 200


@pytest.fixture
def registry(tmp_path):
    with small_home(tmp_path) as made:
        yield made


def prepare(registry, count=4) -> list[str]:
    tags = [save_reported(registry) for _ in range(count)]
    for tag in tags[1:]:
        promote(registry, tag)
    return tags


def action(home, name, tag):
    registry = Registry(home)
    match name:
        case "save":
            save_reported(registry)
        case "promote":
            promote(registry, tag)
        case "rollback":
            rollback(registry)
        case "prune":
            prune(registry, 1)


def recorded(registry) -> dict[str, str]:
    return {entry.tag: entry.sha256 for entry in registry.entries()}


def check_state(registry, before, history) -> None:
    """What must hold right after the kill, before anything has cleared up."""
    assert before.items() <= recorded(registry).items()
    now = registry.history()
    assert now[: len(history)] == history
    try:
        tag = registry.current()
    except PointerMissing:
        assert history == []
    else:
        archive = registry.layout.archive(parse_tag(tag))
        assert digest_of(archive) == registry.entry(tag).sha256
    for entry in registry.entries():
        assert digest_of(registry.layout.home / entry.report) == entry.files["report.html"]
    found = {finding.where for finding in registry.verify()}
    left = {registry.layout.shown(path) for path in registry.layout.left_overs()}
    if registry.layout.intent.exists():
        left.add("registry/.unfinished.json")
    assert found == left


def check_next_run(registry, before) -> None:
    """The next command works, and leaves nothing of the one that was killed."""
    with registry.writing():
        pass
    assert registry.verify() == []
    known = recorded(registry)
    archives = {path.name for path in registry.layout.models.iterdir()}
    assert {path.name for path in registry.layout.reports.iterdir()} == {parse_tag(tag).report_name for tag in known}
    kept = [entry.tag for entry in registry.entries() if not entry.pruned_at]
    assert archives == {parse_tag(tag).archive_name for tag in kept}
    assert before.items() <= known.items()
    tag = save_reported(registry)
    promote(registry, tag)
    assert registry.current() == tag
    assert registry.fetch(tag).is_dir()


def kill_at_event(number):
    """Kill this process just before its `number`-th change of a file."""
    seen = 0

    def hook(event, arguments):
        nonlocal seen
        changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "os.truncate")
        if changes or (event == "open" and arguments[1] and set(str(arguments[1])) & set("wax+")):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["save", "promote", "rollback", "prune"])
def test_a_kill_before_each_change_of_a_file(name, tmp_path):
    """Every step of a command, one after the other, until the command gets through."""
    for number in range(1, 200):
        folder = tmp_path / str(number)
        folder.mkdir()
        with small_home(folder) as registry:
            tags = prepare(registry, 4 if name == "prune" else 3)
            before, history = recorded(registry), registry.history()

            def work(home=registry.layout.home, tag=tags[0], number=number):
                kill_at_event(number)
                action(home, name, tag)

            code = wait(fork(work))
            check_state(registry, before, history)
            check_next_run(registry, before)
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert number > 5, "the kills must have hit something"
    assert code == 0, "the command must get through in the end"


@pytest.mark.slow
def test_kills_at_random_moments(tmp_path):
    """Commands one after the other, killed somewhere; again on what that left, with a fresh home now and then."""
    generator = random.Random(20)  # noqa: S311 - chooses moments, no secrets
    interrupted = 0
    for home in range(10):
        (tmp_path / str(home)).mkdir()
        with small_home(tmp_path / str(home)) as registry:
            prepare(registry)
            for _ in range(KILLS // 10):
                before, history = recorded(registry), registry.history()
                pid = fork(functools.partial(commands_without_end, registry.layout.home, generator.random()))
                time.sleep(generator.uniform(0.0, 0.12))
                os.kill(pid, signal.SIGKILL)
                assert wait(pid) == -signal.SIGKILL
                interrupted += registry.layout.intent.exists()
                check_state(registry, before, history)
                if generator.random() < 0.5:  # else the next one that is killed has to settle first
                    check_next_run(registry, before)
            check_next_run(registry, before)
    assert interrupted > KILLS // 5, "most kills must hit a command at work"


def commands_without_end(home, seed):
    generator = random.Random(seed)  # noqa: S311 - chooses commands, no secrets
    while True:
        kept = [entry.tag for entry in Registry(home).entries() if not entry.pruned_at]
        name = generator.choice(["save", "save", "promote", "promote", "rollback", "prune"])
        try:
            action(home, name, generator.choice(kept))
        except ChurnError as error:
            # Going back ends at the first model; anything else would be a bug.
            if "nothing to go back to" not in str(error):
                raise


def test_one_kill_in_each_command_is_settled_by_the_next(registry):
    """The quick share of the above: right after the rename that decides."""
    for name in ("save", "promote", "rollback", "prune"):
        tags = prepare(registry, 3)
        before, history = recorded(registry), registry.history()

        def work(name=name, tag=tags[0]):
            die_after_last_note()
            action(registry.layout.home, name, tag)

        assert wait(fork(work)) == -signal.SIGKILL
        note = json.loads(registry.layout.intent.read_bytes())
        assert note["action"] == {"rollback": "promote"}.get(name, name)
        assert "interrupted" in registry.verify()[0].what
        check_state(registry, before, history)
        check_next_run(registry, before)
        if name in ("promote", "rollback"):
            assert len(registry.history()) == len(history) + 2


def die_after_last_note():
    """Kill this process when it is about to remove its note: all is done but that."""

    def hook(event, arguments):
        if event == "os.remove" and str(arguments[0]).endswith(".unfinished.json"):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def test_a_note_of_another_kind_is_named_and_cleared(registry):
    prepare(registry, 2)
    for content in (b"", b"[]", b'{"action": "dance"}', b'{"action": "save", "tags": ["../x", 1]}'):
        registry.layout.intent.write_bytes(content)
        assert [finding.where for finding in registry.verify()] == ["registry/.unfinished.json"]
        promote(registry, f"{NAME}:v1")
        assert registry.verify() == []
