"""The commands as they are typed: `churn` and the old forms are the same, help is fast and whole, a shell completes."""

import os
import re
import subprocess

import pytest
from conftest import BIN, ROOT

import drift
import score
import train
from churn.cli import run, run_command
from churn.commands.drift import drift as drift_command
from churn.commands.group import COMMANDS, churn
from churn.commands.train import train as train_command

TAG = "churn_model_v1:v1"
HEAVY = {"bentoml", "duckdb", "numpy", "onnxruntime", "pandas", "pyarrow", "pydantic", "rich", "scipy", "sklearn"}
OLD = {
    "train": ("train.py",),
    "drift": ("drift.py",),
    "score": ("score.py",),
    "registry": ("-m", "churn.registry"),
    "schema": ("-m", "churn.schema"),
    "data": ("-m", "churn.data"),
}


def both(home, command, *arguments):
    """Exit code, output and messages of `churn COMMAND` and of its old form, without what they call themselves."""
    old = home.run(*OLD[command], *arguments)
    typed = [BIN / "churn", command, *arguments]
    new = subprocess.run(typed, cwd=ROOT, env=home.environment, capture_output=True, text=True, check=False)
    name = "python -m " * (OLD[command][0] == "-m") + OLD[command][-1]
    return [
        (done.returncode, done.stdout.replace(name, "X"), done.stderr.replace(name, "X").replace(short, "X"))
        for done, name, short in ((old, name, OLD[command][-1]), (new, f"churn {command}", f"churn {command}"))
    ]


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("registry list", 2, "is missing: nothing was trained here"),
        ("registry", 2, "Commands:"),
        ("train --seed x", 2, "'x' is not a whole number from 0 to 4294967295. See `X --help`.\n"),
        ("drift --html", 2, "Option '--html' requires an argument. See `X --help`.\n"),
    ],
)
def test_both_forms_are_the_same(home, command, code, says):
    old, new = both(home, *command.split())
    assert new == old
    assert (new[0], says in new[2]) == (code, True), new


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("train --version v1", 2, "X: "),
        ("train --version", 0, "churn-api "),
        ("drift --last-n 7", 4, "X: cannot judge: "),
        ("drift --last-n 7 performance --labels a.csv", 2, "X: --last-n before `performance` has no effect"),
        ("drift performance --labels none.csv", 4, "X performance: cannot judge: "),
        ("score none.csv --out none.parquet", 2, "X: none.csv cannot be read: there is no such file\n"),
        ("registry list", 0, f"* {TAG}"),
        ("registry verify --json", 0, '"ok": true'),
        ("registry show none:v1", 2, "X show: there is no model 'none:v1'"),
        ("schema check data/churn.csv", 0, "1,200 rows"),
        ("schema diff none.toml none.toml", 2, "X diff: none.toml cannot be read"),
        ("data generate --rows 0 --out none.csv", 2, "X generate: --rows 0 is not allowed; allowed: 1 or more\n"),
    ],
)
def test_both_forms_of_what_works_are_the_same(trained_home, command, code, says):
    old, new = both(trained_home, *command.split())
    assert new == old
    assert (new[0], says in new[1] + new[2]) == (code, True), new


_HELP = """
import sys
from churn.cli import run
from churn.commands.group import churn, COMMANDS
def show(command, path):
    print("::", *path)
    assert run(churn, "churn", [*path, "--help"]) == 0
    for name, below in getattr(command, "commands", {{}}).items():
        show(below, [*path, name])
show(churn, [])
for name in COMMANDS:
    show(churn.get_command(None, name), [name])
print("::", *{heavy!r} & sys.modules.keys())
"""


def test_help_fits_a_terminal_and_waits_for_no_import(home):
    done = home.run("-c", _HELP.format(heavy=HEAVY), COLUMNS="80")
    assert done.returncode == 0, done.stderr
    *helps, loaded = done.stdout.split("::")
    assert loaded.split() == []
    assert {text.split("\n")[0].split()[0] for text in helps[2:]} == set(COMMANDS)
    assert len(helps) > len(COMMANDS) + 10
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_the_group_says_of_a_command_what_it_says_of_itself():
    for name in OLD:
        assert churn.get_command(None, name).help.partition("\n")[0] == COMMANDS[name]


def parsed(command, *arguments):
    return command.make_context("x", list(arguments)).params


def test_values_may_begin_with_a_dash_but_are_no_options(capsys):
    given = parsed(train_command, "--force-reason", "-1 % is better", "--seed=7", "--version", "v1", "--data", "-x.csv")
    assert (given["force_reason"], given["seed"], given["version"]) == ("-1 % is better", 7, "v1")
    assert str(given["data"]) == "-x.csv"
    assert train.main(["--gate-f1", "-1"]) == 2
    assert "'-1' is not a number from 0 to 1" in capsys.readouterr().err
    assert train.main(["--force-reason", "--report", "x.html"]) == 2
    assert "--force-reason needs a value; --report is an option. See `train.py --help`" in capsys.readouterr().err
    assert score.main(["in.csv", "--out", "--rank"]) == 2
    assert "--out needs a value; --rank is an option" in capsys.readouterr().err
    assert score.main(["--out", "x.csv", "--", "--rank", "more"]) == 2
    assert "unexpected extra argument (more)" in capsys.readouterr().err


def test_the_last_of_a_repeated_option_counts():
    assert parsed(train_command, "--seed", "1", "--seed", "2")["seed"] == 2


def test_a_part_of_an_option_is_none_and_the_whole_is_named(capsys):
    assert train.main(["--hold", "x.csv"]) == 2
    assert re.search("No such option '--hold'.*'--holdout'", capsys.readouterr().err)


def test_a_command_that_is_not_there_is_2_and_the_nearest_is_named(capsys):
    assert run(churn, "churn", ["trian"]) == 2
    assert capsys.readouterr().err == "churn: No such command 'trian'. Did you mean 'train'? See `churn --help`.\n"


def test_version_without_a_value_prints_the_software_s(capsys):
    for arguments in (["--version"], ["--version", "--seed", "3"]):
        assert train.main(arguments) == 0
        assert capsys.readouterr().out.startswith("churn-api ")


def test_options_before_performance_are_refused(capsys):
    assert drift.main(["--alpha", "0.1", "--json", "a", "performance", "--labels", "a.csv"]) == 2
    assert "--alpha, --json before `performance` has no effect" in capsys.readouterr().err
    assert parsed(drift_command)["last_n"] is None


def test_ctrl_c_while_a_command_is_loaded_is_130(home):
    program = "import sys; from churn.cli import run; from churn.commands.group import churn, LazyGroup\n"
    program += "def get_command(*_): raise KeyboardInterrupt\nLazyGroup.get_command = get_command\n"
    done = home.run("-c", f"{program}sys.exit(run(churn, 'churn', ['train']))")
    assert (done.returncode, done.stderr.strip()) == (130, "churn: interrupted")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_is_no_traceback(home, unbuffered):
    environment = home.environment | {"PYTHONUNBUFFERED": unbuffered}
    script = """
    churn completion zsh > /dev/full; echo $?
    churn completion zsh | (exec 0<&-); echo ${PIPESTATUS[0]}
    churn completion zsh >&-; echo $?
    """
    environment["PATH"] = f"{BIN}:{environment['PATH']}"
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "1", "0"]
    assert done.stderr == "churn: the output cannot be written: No space left on device\n"


def test_a_module_that_is_not_installed_is_named_but_one_of_ours_is_a_crash(capsys):
    def load(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    assert run_command("churn train", lambda: load("sklearn.svm")) == 2
    assert capsys.readouterr().err.startswith(
        "churn train: No module named 'sklearn.svm': in an image that only serves"
    )
    with pytest.raises(ModuleNotFoundError):
        run_command("churn train", lambda: load("churn.trainign"))


_COMPLETE = r"""
eval "$(churn completion bash)"
compopt() { COMPREPLY=("$2"); }
while IFS= read -r COMP_LINE; do
    COMP_POINT=${#COMP_LINE} COMPREPLY=()
    _churn_completion churn
    (IFS=' '; echo "${COMPREPLY[*]}")
done
"""


def completed(home, *lines):
    """What bash offers at the end of each line."""
    environment = home.environment | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", _COMPLETE], input="".join(f"{line}\n" for line in lines), env=environment, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.slow
def test_bash_completes_commands_options_files_and_tags(trained_home, home):
    lines = (
        "churn ",
        "churn tr",
        "churn registry ro",
        "churn drift perf",
        "churn train --hold",
        "churn train --model=l",
    )
    assert completed(trained_home, *lines) == [
        " ".join(COMMANDS), "train", "rollback", "performance", "--holdout", "logistic",
    ]  # fmt: skip
    assert completed(trained_home, "churn score ", "churn train --data d") == ["default", "default"]
    tags = ("churn registry show ", "churn registry promote churn_model_v1:", "churn score x --model c")
    assert completed(trained_home, *tags) == [TAG, "v1", TAG]
    assert completed(home, *tags) == ["", "", ""], "no registry is there"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script(home, shell, capsys):
    done = subprocess.run([BIN / "churn", "completion", shell], capture_output=True, text=True, check=True)
    assert f"_CHURN_COMPLETE={shell}_complete" in done.stdout
