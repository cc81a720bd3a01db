"""List of the licences of locked dependencies, docs/licences.md, as their own metadata state them: `make sbom`."""

import re
import sys
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
LIST = ROOT / "docs" / "licences.md"
_HEAD = """# Licences of the dependencies

Of what `requirements.txt` locks, as each package states it. Made by `make sbom`; do not edit.

| package | version | licence |
| --- | --- | --- |
"""


def locked_names(requirements: str) -> list[str]:
    """The packages that a lock names."""
    return re.findall(r"^([A-Za-z0-9._-]+)==", requirements, re.MULTILINE)


def licence(package: PackageMetadata) -> str:
    """An SPDX expression where there is one, else the classifiers, else the first line of the free text."""
    expression = package.get("License-Expression")
    if expression:
        return str(expression)
    classifiers = [item for item in package.get_all("Classifier") or [] if item.startswith("License ::")]
    names = [item.rpartition(" :: ")[2] for item in classifiers if not item.endswith("OSI Approved")]
    return "; ".join(names) or str(package.get("License") or "not stated").strip().splitlines()[0][:60]


def main() -> None:
    """Write the list."""
    rows = []
    for name in locked_names((ROOT / "requirements.txt").read_text(encoding="utf-8")):
        try:
            package = metadata(name)
        except PackageNotFoundError:  # for another system
            rows.append(f"| {name} | | not installed here |")
            continue
        rows.append(f"| {package['Name']} | {package['Version']} | {licence(package)} |")
    LIST.write_text(_HEAD + "\n".join(sorted(rows, key=str.lower)) + "\n", encoding="utf-8")
    sys.stdout.write(f"{LIST.relative_to(ROOT)}: {len(rows)} packages\n")


if __name__ == "__main__":
    main()
