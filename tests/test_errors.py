"""The error tree: its drawing, and the codes that clients may rely on."""

import inspect
import re

import churn.errors
from churn.errors import ChurnError

CODES = {
    "registry_error", "registry_folder_missing", "pointer_missing", "pointer_empty", "pointer_invalid",
    "model_not_found",
    "archive_invalid", "signature_invalid", "signing_impossible", "registry_busy", "model_invalid", "model_unavailable",
}  # fmt: skip


def classes():
    return [kind for _, kind in inspect.getmembers(churn.errors, inspect.isclass) if issubclass(kind, ChurnError)]


def test_codes_of_what_an_answer_may_hold_are_public_and_told_apart():
    assert {kind.code for kind in classes()} >= CODES
    own = [kind.code for kind in classes() if "code" in vars(kind)]
    assert len(own) == len(set(own))


def test_the_drawing_names_each_class_under_its_base():
    drawn, bases = {}, {}
    for line in churn.errors.__doc__.splitlines():
        if match := re.match(r"([│├└─ ]*)([A-Z]\w+)( |$)", line):
            depth = len(match[1]) // 4
            bases[depth] = match[2]
            drawn[match[2]] = bases.get(depth - 1, "Exception")
    drawn = {name: base for name, base in drawn.items() if name != "Error"}  # the first line of the text
    assert drawn == {kind.__name__: kind.__base__.__name__ for kind in classes()}


def test_each_class_is_raised_somewhere(pytestconfig):
    sources = [path for folder in ("churn", "serving") for path in pytestconfig.rootpath.glob(f"{folder}/**/*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources if path.name != "errors.py")
    leaves = [kind for kind in classes() if kind is not ChurnError]
    assert [kind.__name__ for kind in leaves if not re.search(rf"(raise|return|=) {kind.__name__}\(", code)] == []


def test_no_class_name_of_ours_reaches_an_answer_or_a_log(pytestconfig):
    """Names of other projects' errors stand in for a text that they lack."""
    found = {
        path.relative_to(pytestconfig.rootpath).as_posix()
        for folder in ("churn", "serving")
        for path in pytestconfig.rootpath.glob(f"{folder}/**/*.py")
        if re.search(r"type\(\w+\)\.__name__|__class__", path.read_text(encoding="utf-8"))
    }
    assert found <= {
        "churn/drift/alert.py",
        "churn/data/dataset.py",
        "churn/data/parquet_file.py",
        "churn/scoring/remote.py",
    }
