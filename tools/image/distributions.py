"""Distributions of an environment: version, licence, and which others each needs."""

import re
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageMetadata, distributions
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Classifiers that name one licence, as SPDX names it; BSD's names several.
_SPDX = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
# Stated only by the text of a file.
_BY_FILE = {"skops": "MIT"}


class Installed(NamedTuple):
    """One distribution.

    Attributes:
        name: as it writes it itself.
        version: of it.
        licence: as it states it, see `licence`.
        needs: canonical names of the installed distributions that it requires, those of extras included that
            another one asks for.

    """

    name: str
    version: str
    licence: str
    needs: frozenset[str]


def installed(packages: Path) -> dict[str, Installed]:
    """What is installed in a site-packages folder, by canonical name."""
    found = {canonicalize_name(each.metadata["Name"]): each for each in distributions(path=[str(packages)])}
    requirements = {name: [Requirement(text) for text in each.requires or []] for name, each in found.items()}
    extras: dict[str, set[str]] = {name: {""} for name in found}
    for requirement in (each for several in requirements.values() for each in several):
        extras.setdefault(canonicalize_name(requirement.name), {""}).update(requirement.extras)
    # A package may ask for itself, with extras.
    return {
        name: _installed(each, frozenset(_needed(requirements[name], extras[name]) & found.keys() - {name}))
        for name, each in sorted(found.items())
    }


def needed_by(names: Iterable[str], among: dict[str, Installed]) -> set[str]:
    """These and what they need, directly or not."""
    reached, waiting = set[str](), list(names)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(among[name].needs)
    return reached


def licence(package: PackageMetadata) -> str:
    """An SPDX expression where there is one, else the classifiers, else the first line of the free text."""
    expression = package.get("License-Expression")
    if expression:
        return str(expression)
    classifiers = [item for item in package.get_all("Classifier") or [] if item.startswith("License ::")]
    names = [item.rpartition(" :: ")[2] for item in classifiers if not item.endswith("OSI Approved")]
    return (
        "; ".join(_SPDX.get(name, name) for name in names)
        or str(package.get("License") or _BY_FILE.get(package["Name"], "not stated")).strip().splitlines()[0][:60]
    )


def locked_names(requirements: str) -> list[str]:
    """The packages that a lock names, canonical."""
    return [canonicalize_name(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", requirements, re.MULTILINE)]


def _installed(each: Distribution, needs: frozenset[str]) -> Installed:
    return Installed(each.metadata["Name"], each.version, licence(each.metadata), needs)


def _needed(requirements: list[Requirement], extras: set[str]) -> set[str]:
    return {
        str(canonicalize_name(each.name))
        for each in requirements
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras)
    }
