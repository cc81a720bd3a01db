"""One version: in the code, the commands, the package, the OpenAPI document; test_container.py asks the images."""

import subprocess
import sys
import tomllib

import pytest
from conftest import ROOT

from churn import __version__
from churn.schema.reading import bundled_schema
from serving.openapi import openapi_document


@pytest.mark.parametrize(
    "command",
    [
        ("train.py",),
        ("drift.py",),
        ("score.py",),
        ("-m", "churn.registry"),
        pytest.param(("-m", "churn.schema"), marks=pytest.mark.slow),
        pytest.param(("-m", "churn.data"), marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_every_command_prints_it(command):
    done = subprocess.run([sys.executable, *command, "--version"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"churn-api {__version__}\n"


def test_it_stands_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "churn.__version__"}


def test_the_openapi_document_has_it_and_the_bento_beside_it():
    info = openapi_document(bundled_schema(), bento="v7")["info"]
    assert (info["version"], info["x-bento"]) == (__version__, "v7")
