"""BentoML's local store, read without importing BentoML: a disposable copy of the models."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from churn.registry.archive import digest_of
from churn.registry.tag import Tag

YAML_NAME = "model.yaml"
"""BentoML's own file in a model's folder."""
_COMPLETE_YAML = (b"name:", b"version:", b"creation_time:")  # the last is what BentoML writes last


class LocalStore:
    """The models in `BENTOML_HOME`.

    Attributes:
        home: BentoML's home, found by BentoML's own rule.

    """

    def __init__(self) -> None:
        # BentoML's variable, not a setting of ours: BentoML reads it in this way.
        home = os.environ.get("BENTOML_HOME", str(Path.home() / "bentoml"))
        self.home = Path(os.path.expandvars(home)).expanduser()

    def folder(self, tag: Tag) -> Path:
        """Where the model's files are, if it is there."""
        return self.home / "models" / tag.name / tag.version

    def has(self, tag: Tag) -> bool:
        """Whether the store has a model under that tag; a half of one does not count."""
        return is_complete(self.folder(tag))

    def matches(self, tag: Tag, files: Mapping[str, str]) -> bool:
        """Whether every file is there with its recorded SHA-256."""
        folder = self.folder(tag)
        try:
            return all(digest_of(folder / name) == digest for name, digest in files.items())
        except OSError:
            return False


def is_complete(folder: Path) -> bool:
    """Whether a model's folder holds all that BentoML writes."""
    try:
        yaml = (folder / YAML_NAME).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return all(key in yaml for key in _COMPLETE_YAML)


def import_bentoml() -> ModuleType:
    """BentoML; it takes 1.2 s to import, which a promotion or rollback should not wait for."""
    # Unless told otherwise BentoML reports each save to its makers, and waits for that.
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    import bentoml.models  # noqa: PLC0415

    return bentoml
