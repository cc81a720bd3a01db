"""Division of the image's environment: what the service needs, and what only Jobs do."""

import shutil
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from tools.image.distributions import Installed, needed_by

JOBS_ONLY = ("scikit-learn", "pandas", "scipy", "skl2onnx", "skops", "onnx", "duckdb", "joblib")
"""What training, scoring of files and drift import, and the service does not."""


def jobs_only(among: dict[str, Installed]) -> set[str]:
    """`JOBS_ONLY` and what nothing but these needs."""
    if missing := [name for name in JOBS_ONLY if name not in among]:
        raise SystemExit(f"tools/image/split.py: {', '.join(missing)} is not installed any more")
    candidates = needed_by(JOBS_ONLY, among)
    return candidates - needed_by(among.keys() - candidates, among)


def places(names: Iterable[str], packages: Path) -> set[Path]:
    """Folders and files of these distributions in a site-packages folder: the topmost, which are theirs alone."""
    chosen = set(names)
    mine, others = set[Path](), set[Path]()
    for each in distributions(path=[str(packages)]):
        theirs = mine if canonicalize_name(each.metadata["Name"]) in chosen else others
        theirs.update(_top(packages, Path(str(file))) for file in each.files or [])
    if shared := mine & others:
        raise SystemExit(f"tools/image/split.py: {', '.join(map(str, shared))} belongs to the service too")
    return mine


def move(paths: Iterable[Path], root: Path, target: Path) -> None:
    """Move these from a folder to the same places under another one."""
    for path in paths:
        moved = target / path.relative_to(root)
        moved.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, moved)


def _top(packages: Path, file: Path) -> Path:
    """A folder or file in `packages`; of what lies elsewhere, as commands do, the file itself."""
    return packages / file.parts[0] if file.parts[0] != ".." else (packages / file).resolve()
