"""Bill of materials of what is locked, sbom.json, and the list of its licences, docs/licences.md: `make sbom`."""

import sys
import sysconfig
from pathlib import Path

from tools.image.distributions import Installed, installed, locked_names
from tools.image.sbom import write_sbom

ROOT = Path(__file__).parent.parent
LIST = ROOT / "docs" / "licences.md"
_HEAD = """# Licences of the dependencies

Of what `requirements.txt` locks, as each package states it. Do not edit; it is made by

```sh
make sbom
```

| package | version | licence |
| --- | --- | --- |
"""


def locked() -> dict[str, Installed]:
    """What the lock names and this environment has: what is for other systems is not there."""
    names = set(locked_names((ROOT / "requirements.txt").read_text(encoding="utf-8")))
    everything = installed(Path(sysconfig.get_path("purelib")))
    return {
        name: each._replace(needs=each.needs & names) for name, each in everything.items() if name in names
    }  # fmt: skip


def licences(distributions: dict[str, Installed]) -> str:
    """The text of docs/licences.md."""
    rows = [f"| {each.name} | {each.version} | {each.licence} |" for each in distributions.values()]
    return _HEAD + "\n".join(sorted(rows, key=str.lower)) + "\n"


def main() -> None:
    """Write both."""
    distributions = locked()
    write_sbom(distributions, ROOT / "sbom.json")
    LIST.write_text(licences(distributions), encoding="utf-8")
    sys.stdout.write(f"sbom.json, {LIST.relative_to(ROOT)}: {len(distributions)} packages\n")


if __name__ == "__main__":
    main()
