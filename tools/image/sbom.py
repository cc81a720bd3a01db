"""Software bill of materials in CycloneDX's JSON, made of an environment as it is."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from churn import __version__
from tools.image.distributions import Installed

_ROOT = "churn-api"
_PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def sbom(distributions: dict[str, Installed]) -> dict[str, Any]:
    """The document: a component for each distribution, with its licence, and what each depends on.

    The same environment gives the same document: it has neither a time nor a serial number.
    """
    references = {name: f"pkg:pypi/{name}@{each.version}" for name, each in distributions.items()}
    direct = [canonicalize_name(Requirement(text).name) for text in _project()["dependencies"]]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component(_ROOT, "application", _ROOT, __version__, "Apache-2.0")},
        "components": [
            _component(references[name], "library", each.name, each.version, each.licence) | {"purl": references[name]}
            for name, each in distributions.items()
        ],
        "dependencies": [
            {"ref": _ROOT, "dependsOn": sorted(references[name] for name in direct if name in references)},
            *(
                {"ref": references[name], "dependsOn": sorted(references[need] for need in each.needs)}
                for name, each in distributions.items()
            ),
        ],
    }


def write_sbom(distributions: dict[str, Installed], path: Path) -> None:
    """Write the document to a file."""
    path.write_text(json.dumps(sbom(distributions), indent=1) + "\n", encoding="utf-8")


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads(_PYPROJECT.read_text(encoding="utf-8"))["project"]
    return project


def _component(reference: str, kind: str, name: str, version: str, licence: str) -> dict[str, Any]:
    return {
        "type": kind, "bom-ref": reference, "name": name, "version": version, "licenses": [_licence(licence)]
    }  # fmt: skip


def _licence(text: str) -> dict[str, Any]:
    is_expression = all(re.fullmatch(r"\(*[\w.+-]+\)*", word) for word in re.split(" AND | OR | WITH ", text))
    return {"expression": text} if is_expression else {"license": {"name": text}}
