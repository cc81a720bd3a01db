"""What other projects do not promise is used in few places, and its releases are pinned, tested and watched."""

import ast
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from conftest import BIN

from serving.upstream import releases

ROOT = Path(__file__).parent.parent.parent
PRODUCTION = [*ROOT.glob("*.py"), *ROOT.glob("churn/**/*.py"), *ROOT.glob("serving/**/*.py")]
ALLOWED = {"churn/registry/store.py", "churn/training/upstream.py"}
PROMISED = {"_asdict", "_replace", "_make", "_fields"}  # of named tuples
PINNED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and name != "_"


def own_names(trees):
    """The private names that this code gives to things of its own."""
    names = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.attr if isinstance(node, ast.Attribute) else node.id)
    return names


def private_uses(tree, own):
    """Private modules and names that are imported from others, and private attributes that are not our own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names = [*modules, *(alias.name for alias in node.names)]
            yield from (name for name in names if any(is_private(part) for part in name.split(".")))
        elif isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in own | PROMISED:
            yield node.attr
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "setattr", "hasattr"):
            name = getattr(node.args[1], "value", None)
            yield from [name] if isinstance(name, str) and is_private(name) else []


def uses(paths):
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    elsewhere = {path: tree for path, tree in trees.items() if not is_allowed(path)}
    own = own_names(elsewhere.values())
    return {path: found for path, tree in trees.items() if (found := set(private_uses(tree, own)))}


def is_allowed(path):
    name = path.relative_to(ROOT).as_posix()
    return name in ALLOWED or name.startswith("serving/upstream/")


def test_private_names_of_others_are_used_in_few_places():
    found = uses(PRODUCTION)
    assert not {path: names for path, names in found.items() if not is_allowed(path)}
    assert {"_predictors", "_buckets", "_stopping"} <= set().union(
        *found.values()
    )  # so that the search finds what is there


@pytest.mark.parametrize(
    "line",
    [
        "from bentoml._internal import log",
        "import bentoml._internal.log",
        "from bentoml import _internal",
        "import uvicorn; uvicorn.Server(None)._wait_tasks_to_complete()",
        "getattr(object(), '_predictors')",
    ],
)
def test_the_search_finds_one_that_is_added(line):
    assert set(private_uses(ast.parse(line), own={"_own"}))


def test_what_is_tested_is_what_is_pinned_and_locked():
    pinned = dict(re.findall(r"^([a-z-]+)==([0-9.a-z]+)", "\n".join(PINNED), re.MULTILINE))
    locked = dict(re.findall(r"^([a-z-]+)==([0-9.a-z]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    for name, tested in releases.TESTED.items():
        assert (pinned[name], locked[name]) == (tested, tested)


def test_a_start_with_another_release_is_one_warning(monkeypatch, caplog):
    installed = dict(releases.TESTED) | {"uvicorn": "9.9.9", "bentoml": "1.4.99"}
    monkeypatch.setattr(releases, "version", installed.__getitem__)
    releases.warn_of_untested_releases()
    (warning,) = caplog.records
    assert (warning.levelname, warning.getMessage()) == ("WARNING", "untested releases")
    assert warning.releases == ["bentoml 1.4.99 (tested: 1.4.40)", "uvicorn 9.9.9 (tested: 0.54.0)"]


def test_with_the_tested_releases_there_is_none(caplog):
    releases.warn_of_untested_releases()
    assert not caplog.records


@pytest.mark.parametrize(
    ("module", "line"),
    [
        (None, ""),
        ("churn/errors.py", "import churn.registry"),
        ("churn/model/scorer.py", "import serving.app"),
        ("churn/registry/tag.py", "def late(): import churn.training.gate"),
        ("serving/upstream/circus.py", "import serving.worker"),
    ],
)
def test_the_import_contract_fails_on_a_way_back(tmp_path, module, line):
    for name in ("churn", "serving"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    if module:
        with (tmp_path / module).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    done = subprocess.run(
        [BIN / "lint-imports", "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ("BROKEN" in done.stdout, done.returncode) == (module is not None, int(module is not None)), done.stdout


@pytest.mark.parametrize(("line", "code"), [("", 0), ("import psutil", 1), ("import nowhere_to_be_found", 1)])
def test_an_import_that_is_not_declared_is_found(tmp_path, line, code):
    (tmp_path / "serving").mkdir()
    shutil.copytree(ROOT / "churn", tmp_path / "churn", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "serving", tmp_path / "serving", dirs_exist_ok=True)
    for name in ("pyproject.toml", "service.py", "train.py", "drift.py"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "serving" / "added.py").write_text(f"{line}\n", encoding="utf-8")
    done = subprocess.run([BIN / "deptry", "."], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
