"""BentoML's local store: a disposable copy of the models. The only place that calls BentoML.

BentoML writes an item in place, so a process that dies leaves half of one, on which every later call for
that name stumbles. Here such halves are cleared away before BentoML is asked, under a lock of this store
(not of the volume: the workers of one pod share the store).
"""

# ruff: noqa: PLC0415 - BentoML takes most of a second to import, and reading a stored model does not need it

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn import files as durable
from churn.errors import ArchiveInvalid, RegistryError
from churn.registry.archive import digest_of
from churn.registry.lock import WAIT_SECONDS, held, new_lock
from churn.registry.tag import LATEST, Tag

if TYPE_CHECKING:
    from filelock import BaseFileLock

YAML_NAME = "model.yaml"
"""BentoML's own file in a model's folder."""
_COMPLETE_YAML = (b"name:", b"version:", b"creation_time:")  # the last is what BentoML writes last
_TAG_LINE = re.compile(rb"^(name|version): *['\"]?([-._a-z0-9]*)", re.MULTILINE)


class LocalStore:
    """The models in `BENTOML_HOME`.

    Attributes:
        home: BentoML's home, found by BentoML's own rule, so that a model that is there is read without importing it.

    """

    def __init__(self) -> None:
        # BentoML's variable, not a setting of ours: BentoML reads it the same way.
        home = os.environ.get("BENTOML_HOME", str(Path.home() / "bentoml"))
        self.home = Path(os.path.expandvars(home)).expanduser()
        self._lock: BaseFileLock | None = None

    def folder(self, tag: Tag) -> Path:
        """Where the model's files are, if it is there."""
        return self.home / "models" / tag.name / tag.version

    def has(self, tag: Tag) -> bool:
        """Whether the store has a model under that tag; a half of one does not count."""
        folder = self.folder(tag)
        return folder.is_dir() and _is_complete(folder)

    def matches(self, tag: Tag, files: Mapping[str, str]) -> bool:
        """Whether every file is there with its recorded SHA-256."""
        folder = self.folder(tag)
        try:
            return all(digest_of(folder / name) == digest for name, digest in files.items())
        except OSError:
            return False

    @contextlib.contextmanager
    def locked(self, timeout: float = WAIT_SECONDS) -> Iterator[None]:
        """Hold the store's own lock.

        Raises:
            RegistryBusy: another process held it all that time.
            RegistryError: the store cannot be written to.
        """
        with durable.os_errors_reported(f"opening the BentoML store {self.home}"):
            self.home.mkdir(parents=True, exist_ok=True)
        self._lock = self._lock or new_lock(self.home / ".churn-lock")
        with held(self._lock, self.home / ".churn-lock-holder", timeout):
            yield

    @staticmethod
    def prepare() -> None:
        """Import BentoML ahead of time: not while others wait for the lock."""
        # Unless told otherwise BentoML reports each save to its makers, and waits for that.
        os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
        import bentoml.models  # noqa: F401

    def create(self, tag: Tag, files: Mapping[str, bytes], labels: dict[str, str], metadata: Mapping[str, Any]) -> None:
        """Store a new model.

        Raises:
            RegistryError: BentoML or the file system refuses.
        """
        with self.locked(), _bentoml_errors_reported(f"storing {tag}"):
            import bentoml.models

            self._clear_halves(tag.name)
            with bentoml.models.create(str(tag), labels=labels, metadata=_plain(metadata)) as model:
                for name, content in files.items():
                    Path(model.path_of(name)).write_bytes(content)

    def export(self, tag: Tag, path: Path) -> None:
        """Write the model's archive to `path`, which ends in `.bentomodel`."""
        with _bentoml_errors_reported(f"exporting {tag}"):
            import bentoml.models

            bentoml.models.export_model(str(tag), str(path))

    def replace(self, tag: Tag, archive: Path, shown: Path) -> None:
        """Import a checked archive in place of whatever the store has under that tag. Under the store's lock.

        Raises:
            ArchiveInvalid: the archive holds another model.
            RegistryError: BentoML or the file system refuses.
        """
        with _bentoml_errors_reported(f"importing {shown}"):
            import bentoml.models

            self.discard(tag)
            self._clear_halves(tag.name)
            found = bentoml.models.import_model(str(archive)).tag
            if str(found) != str(tag):
                self.discard(Tag(found.name, str(found.version)))
                raise ArchiveInvalid(f"{shown} holds the model {found}, not {tag}; restore it, or retrain")

    def discard(self, tag: Tag) -> None:
        """Remove the model, if it is there. Under the store's lock."""
        import shutil

        folder = self.folder(tag)
        if folder.is_dir():
            shutil.rmtree(folder)
        self._drop_stale_latest(folder.parent)

    def _clear_halves(self, name: str) -> None:
        """Remove what BentoML itself cannot read: items without a complete `model.yaml`."""
        import shutil

        parent = self.home / "models" / name
        if not parent.is_dir():
            return
        for folder in parent.iterdir():
            if folder.is_dir() and not _is_complete(folder):
                shutil.rmtree(folder)
        self._drop_stale_latest(parent)

    def _drop_stale_latest(self, parent: Path) -> None:
        """BentoML makes `latest` anew when it is missing, but stumbles over one that is empty."""
        latest = parent / LATEST
        with contextlib.suppress(FileNotFoundError):
            version = latest.read_text(encoding="utf-8").strip()
            if not version or not (parent / version).is_dir():
                latest.unlink()


def tag_in_yaml(yaml: bytes) -> str:
    """The tag that a `model.yaml` of BentoML's names; `:` where it names none."""
    parts = dict(_TAG_LINE.findall(yaml))
    return b":".join(parts.get(key, b"") for key in (b"name", b"version")).decode("ascii")


def _is_complete(folder: Path) -> bool:
    try:
        yaml = (folder / YAML_NAME).read_bytes()
    except FileNotFoundError:
        return False
    return all(key in yaml for key in _COMPLETE_YAML)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The same without None, which BentoML's metadata refuses; a copy, as BentoML changes what it is given."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value if item is not None]
    return value


@contextlib.contextmanager
def _bentoml_errors_reported(doing: str) -> Iterator[None]:
    from bentoml.exceptions import BentoMLException

    try:
        with durable.os_errors_reported(doing):
            yield
    except BentoMLException as error:
        raise RegistryError(f"{doing} failed: {error}") from error
