"""Registry of one home: models, pointer and history, read without a lock; `Registry.writing` changes them."""

# ruff: noqa: PLC0415 - reading, all that the service does, needs neither filelock (0.17 s) nor what checks and unpacks

import contextlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from churn.errors import RegistryError, RegistryFolderMissing
from churn.registry.archive import ReadLocks
from churn.registry.entry import ModelEntry
from churn.registry.history import Promotion, read_promotions
from churn.registry.layout import LOCK_SECONDS, Layout, os_errors_reported
from churn.registry.metadata import find_entry, read_entries
from churn.registry.naming import check_tag, choose_tag
from churn.registry.pointer import read_pointer
from churn.registry.store import LocalStore

if TYPE_CHECKING:
    from churn.registry.verification import Finding
    from churn.registry.writer import Writer
    from churn.signing import ModelKey


class Registry:
    """Models, pointer and history under a home.

    No method but `verify` waits for a writer, and none but `writing` changes the volume. Every error is a
    `churn.errors.RegistryError`, or `ModelInvalid` of a model that cannot be served.

    Example:
        with registry.writing() as writer:
            writer.promote("churn_model_v1:v2", reason="better on the new customers")

    Args:
        home: the folder that holds `models/` and `registry/`.
        key: signs what is saved; only what it has signed is fetched and promoted. None: nothing is signed or asked for.
        model_name: name of the models that are served; no other is promoted. None: any.

    """

    def __init__(self, home: Path, key: "ModelKey | None" = None, model_name: str | None = None) -> None:
        self.layout = Layout(home)
        self.key = key
        self.model_name = model_name
        self.store = LocalStore()
        self._read_locks = ReadLocks()

    def current(self) -> str:
        """The tag of the model to serve.

        Raises:
            RegistryFolderMissing, PointerMissing, PointerEmpty, PointerInvalid, RegistryError: what to do.
        """
        return str(read_pointer(self.layout))

    def entries(self) -> list[ModelEntry]:
        """What is known of each trained model, newest last, pruned ones included."""
        return read_entries(self.layout)

    def entry(self, tag: str) -> ModelEntry:
        """What is known of one model.

        Raises:
            ModelNotFound: names the nearest tags that there are.
        """
        return find_entry(self.entries(), tag)

    def archive_state(self, entry: ModelEntry) -> str:
        """`kept`, `pruned` or, where the archive should be there and is not, `missing`; `verify` looks into it.

        Raises:
            RegistryError: the volume cannot be read.
        """
        if entry.pruned_at:
            return "pruned"
        with os_errors_reported("looking for archives"):
            return "kept" if self.layout.archive(entry.tag).is_file() else "missing"

    def history(self) -> list[Promotion]:
        """Every change of the pointer, oldest first."""
        return read_promotions(self.layout)

    def fetch(self, tag: str) -> Path:
        """A local folder with the model's files, each of which has the SHA-256 that was recorded when it was saved.

        Taken from the BentoML store if it is there, else from the mirror. While this object lives, `prune`
        leaves the last few models that it fetched alone.

        Raises:
            ModelNotFound: the metadata knows no such model.
            SignatureInvalid: there is a key, and it has not signed this model.
            ArchiveInvalid: it has to come from the mirror, and the archive is missing, damaged or unsafe.
            RegistryError: the mirror cannot be read, or the store not written.
        """
        entry = find_entry(self.entries(), tag, self.key)
        archive = self.layout.archive(entry.tag)
        if self.store.matches(entry.tag, entry.files):
            with contextlib.suppress(RegistryError):  # served from the store, whatever became of the archive
                self._read_locks.take(archive, entry)
        else:
            from churn.registry.fetching import fetch_from_mirror

            fetch_from_mirror(archive, entry, self.store, self._read_locks)
        return self.store.folder(entry.tag)

    def check_can_save(self, name: str, version: str | None) -> None:
        """Refuse what `Writer.save` or `promote` would refuse, before hours are spent; `save` checks again.

        Raises:
            SigningImpossible: the key is a public one.
            RegistryError: the version is taken, or not allowed; metadata or history is damaged.
        """
        check_tag(name, version)
        if self.key is not None:
            self.key.require_private()
        with contextlib.suppress(RegistryFolderMissing):  # then nothing was saved yet
            choose_tag(self.layout, self.store, name, version)
        self.history()

    def writing(self, *, create: bool = False, timeout: float = LOCK_SECONDS) -> AbstractContextManager["Writer"]:
        """Be the only writer; what an interrupted one left behind is settled first.

        Args:
            create: make the folders if there are none, as for the first model.
            timeout: seconds to wait for another writer.

        Raises:
            RegistryFolderMissing: there is no registry.
            RegistryBusy: another process had it locked for all of `timeout` seconds; names it.
        """
        from churn.registry.writer import open_writer

        return open_writer(self.layout, self.store, self.key, self.model_name, timeout, create=create)

    def verify(self) -> "list[Finding]":
        """All that is wrong or left over; empty where the registry is in order. Changes nothing.

        Raises:
            RegistryFolderMissing: there is no registry.
            RegistryBusy: a writer was at work all the time.
        """
        from churn.registry.verification import verify_registry

        return verify_registry(self.layout, self.key, self.model_name)
