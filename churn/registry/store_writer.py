"""Changes to BentoML's local store. No other module calls BentoML.

BentoML writes an item in place, so a process that dies leaves half of one, on which every later call for
that name stumbles. Here such halves are removed before BentoML is called, under a lock of this store
(not of the volume: the workers of one pod share the store).
"""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from churn.errors import ArchiveInvalid, RegistryError, SettingsError
from churn.registry.layout import os_errors_reported
from churn.registry.lock import locked
from churn.registry.store import LocalStore, import_bentoml, is_complete
from churn.registry.tag import LATEST, Tag
from churn.schema.json_text import Json


@contextlib.contextmanager
def writing(store: LocalStore) -> Iterator["StoreWriter"]:
    """Lock a store to change it.

    Raises:
        RegistryBusy: another process had it locked for a minute.
        SettingsError: the store cannot be written to.
    """
    lock = store.home / ".churn-lock"
    try:
        store.home.mkdir(parents=True, exist_ok=True)
        lock.touch()
    except OSError as error:
        given = f"BENTOML_HOME={str(store.home)!r} is not allowed ({error.strerror})"
        raise SettingsError(f"{given}; allowed: a folder that can be written to, or one that can be made") from None
    with locked(lock, store.home / ".churn-lock-holder"):
        yield StoreWriter(store)


@dataclass(frozen=True)
class StoreWriter:
    """A store that is locked; `writing` gives it."""

    _store: LocalStore

    def create(self, tag: Tag, files: Mapping[str, bytes], labels: dict[str, str], metadata: Mapping[str, Any]) -> None:
        """Store a new model.

        Raises:
            RegistryError: BentoML or the file system refuses.
        """
        with _bentoml(f"storing {tag}") as bentoml:
            self._clear_halves(tag.name)
            with bentoml.models.create(str(tag), labels=labels, metadata=_without_none(metadata)) as model:
                for name, content in files.items():
                    Path(model.path_of(name)).write_bytes(content)

    def replace(self, tag: Tag, archive: Path, shown: Path) -> None:
        """Import a checked archive in place of whatever the store has under that tag.

        Raises:
            ArchiveInvalid: the archive holds another model.
            RegistryError: BentoML or the file system refuses.
        """
        with _bentoml(f"importing {shown}") as bentoml:
            self.discard(tag)
            self._clear_halves(tag.name)
            found = Tag(bentoml.models.import_model(str(archive)).tag)
            if found != tag:
                self.discard(found)
                raise ArchiveInvalid(f"{shown} holds the model {found}, not {tag}; restore it, or retrain")

    def discard(self, tag: Tag) -> None:
        """Remove the model, if it is there."""
        folder = self._store.folder(tag)
        if folder.is_dir():
            shutil.rmtree(folder)
        _drop_stale_latest(folder.parent)

    def _clear_halves(self, name: str) -> None:
        """Remove what BentoML itself cannot read: items without a complete `model.yaml`."""
        parent = self._store.home / "models" / name
        for folder in parent.iterdir() if parent.is_dir() else ():
            if folder.is_dir() and not is_complete(folder):
                shutil.rmtree(folder)
        _drop_stale_latest(parent)


def export(tag: Tag, path: Path) -> None:
    """Write the archive of a stored model to `path`, which ends in `.bentomodel`."""
    with _bentoml(f"exporting {tag}") as bentoml:
        bentoml.models.export_model(str(tag), str(path))


@contextlib.contextmanager
def _bentoml(doing: str) -> Iterator[ModuleType]:
    """BentoML, whose errors are reported as the registry's."""
    bentoml = import_bentoml()
    try:
        with os_errors_reported(doing):
            yield bentoml
    except bentoml.exceptions.BentoMLException as error:
        raise RegistryError(f"{doing} failed: {error}") from error


def _drop_stale_latest(parent: Path) -> None:
    """BentoML makes `latest` anew when it is missing, but stumbles over one that is empty."""
    latest = parent / LATEST
    with contextlib.suppress(FileNotFoundError):
        version = latest.read_text(encoding="utf-8").strip()
        if not version or not (parent / version).is_dir():
            latest.unlink()


def _without_none(value: Json) -> Json:
    """A copy without None, which BentoML's metadata refuses; BentoML changes what it is given."""
    if isinstance(value, Mapping):
        return {str(key): _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value if item is not None]
    return value
