"""The registry of one home: what the service, the training and the commands ask of it."""

# ruff: noqa: PLC0415 - reading, all that the service does, needs none of the writing half, nor BentoML

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from churn import files as durable
from churn.errors import ArchiveInvalid, ModelInvalid, RegistryFolderMissing
from churn.registry.archive import check_members, copy_checked, opened_for_reading
from churn.registry.history import Promotion, read_promotions
from churn.registry.layout import Layout
from churn.registry.lock import WAIT_SECONDS, held, new_lock, this_command
from churn.registry.metadata import Entry, find_entry, read_entries
from churn.registry.pointer import check_folder, read_pointer
from churn.registry.store import LocalStore
from churn.registry.tag import ARCHIVE_SUFFIX, Tag, parse_tag
from churn.signing import ModelKey

if TYPE_CHECKING:
    from filelock import BaseFileLock

    from churn.registry.verification import Finding

_HELD_FOR_READING = 3
"""How many models a process keeps from being pruned: the one it serves, and those it tried since."""


class Registry:
    """Models, pointer and history under a home.

    `current`, `entries`, `entry`, `history` and `fetch` take no lock of the volume, write nothing to it, and
    never wait for a writer; the rest take the lock. Every error is a `churn.errors.RegistryError`, or `ModelInvalid`
    of a model that cannot be served.

    Args:
        home: the folder that holds `models/` and `registry/`.
        key: signs what is saved; only what it has signed is fetched and promoted. None: nothing is signed or asked for.
        model_name: of the models that are served; no other is promoted. None: any.

    """

    def __init__(self, home: Path, key: ModelKey | None = None, model_name: str | None = None) -> None:
        self.layout = Layout(home)
        self.key = key
        self.model_name = model_name
        self.store = LocalStore()
        self._lock: BaseFileLock | None = None
        self._being_read: dict[str, IO[bytes]] = {}

    def current(self) -> str:
        """The tag of the model to serve.

        Raises:
            RegistryFolderMissing, PointerMissing, PointerEmpty, PointerInvalid, RegistryError: what to do.
        """
        return str(read_pointer(self.layout))

    def entries(self) -> list[Entry]:
        """What is known of each trained model, newest last, pruned ones included."""
        return read_entries(self.layout)

    def entry(self, tag: str) -> Entry:
        """What is known of one model.

        Raises:
            ModelNotFound: names the nearest tags that there are.
        """
        return find_entry(self.entries(), tag)

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
        entry = self._trusted_entry(tag)
        parsed = parse_tag(entry["model_tag"]) or Tag("", "")
        archive = self.layout.archive(parsed)
        if self.store.matches(parsed, entry["files"]):
            with contextlib.suppress(Exception):  # served from the store, whatever became of the archive
                self._keep_from_pruning(tag, archive, entry)
            return self.store.folder(parsed)
        with self.store.locked():
            # Another worker of this pod may have been faster.
            if not self.store.matches(parsed, entry["files"]):
                self._import(parsed, archive, entry)
        return self.store.folder(parsed)

    def save(self, name: str, version: str | None, files: Mapping[str, bytes], entry: Mapping[str, Any]) -> str:
        """Save a model in the store, the mirror and the metadata, in that order.

        Args:
            name: BentoML name.
            version: BentoML version; None takes the next free one of v1, v2, ...
            files: content by plain file name.
            entry: what is known of the model; `model_tag`, `model_file`, `sha256`, `version`, `files` are added.

        Returns:
            The tag.

        Raises:
            SigningImpossible: the key is a public one; nothing was written.
            RegistryError: the version exists, or something is not allowed (then nothing was written); the volume
                or BentoML refuses (then what was written is removed again).
        """
        from churn.registry.saving import check_input, choose_tag, save_model

        check_input(name, version, files, entry)
        if self.key is not None:
            self.key.require_private()
        self.store.prepare()
        with durable.os_errors_reported(f"saving a model under {self.layout.home}"):
            self.layout.registry.mkdir(parents=True, exist_ok=True)
            self.layout.models.mkdir(exist_ok=True)
            with self.lock():
                tag = choose_tag(self.layout, self.store, name, version)
                save_model(self.layout, self.store, tag, files, entry, self.key)
        return str(tag)

    def check_can_save(self, name: str, version: str | None) -> None:
        """Refuse what `save` or `promote` would refuse, before hours are spent; `save` looks again.

        Raises:
            SigningImpossible: the key is a public one.
            RegistryError: the version is taken, or not allowed; metadata or history is damaged.
        """
        from churn.registry.saving import check_tag, choose_tag

        check_tag(name, version)
        with contextlib.suppress(RegistryFolderMissing):  # then nothing was saved yet
            self.entries()
        self.history()
        if self.key is not None:
            self.key.require_private()
        if version is not None:
            with contextlib.suppress(RegistryFolderMissing):  # then nothing was saved yet
                choose_tag(self.layout, self.store, name, version)

    def promote(self, tag: str, reason: str = "", command: str | None = None) -> Promotion | None:
        """Make a saved model the one to serve, if this code can serve it; None where it was that already.

        Args:
            tag: the model.
            reason: why, for the history.
            command: by which command; default: that of this process.

        Raises:
            ModelNotFound, ArchiveInvalid, SignatureInvalid, RegistryBusy, RegistryError: the pointer is as it was.
            ModelInvalid: the service would refuse it; says why. The pointer is as it was.
        """
        from churn.registry.promoting import promote_model

        with durable.os_errors_reported(f"promoting {tag}"), self.lock():
            self._check_may_be_served(tag)
            return promote_model(self.layout, self.store, tag, reason, command or this_command(), "promote")

    def rollback(self, reason: str = "", command: str | None = None) -> Promotion:
        """Go back to the model that was served before the current one, along the real history; again and again.

        Raises:
            RegistryError: there is nothing to go back to, or as `promote`.
        """
        from churn.registry.promoting import promote_model, rollback_target

        with durable.os_errors_reported("rolling back"), self.lock():
            target = rollback_target(self.layout)
            self._check_may_be_served(target)
            promotion = promote_model(self.layout, self.store, target, reason, command or this_command(), "rollback")
        assert promotion is not None, "the target is never the current model"  # noqa: S101 - for the type checker
        return promotion

    def prune(self, keep: int) -> list[str]:
        """Remove archives and store copies of all but the `keep` newest models; returns their tags.

        The current model, its predecessor and any being read stay; so does every entry of the metadata, marked.
        """
        from churn.registry.pruning import prune_models

        with durable.os_errors_reported("pruning"), self.lock():
            return prune_models(self.layout, self.store, keep)

    def verify(self) -> "list[Finding]":
        """Everything that is wrong or left over; empty where all is well.

        Raises:
            RegistryFolderMissing: there is no registry.
            RegistryBusy: a writer was at work all the time.
        """
        from churn.registry.verification import verify_registry

        with contextlib.ExitStack() as stack:
            # A writer at work looks like one that died, so it is waited for; on a read-only volume there is none to
            # wait for, or none that could be seen.
            if os.access(self.layout.registry, os.W_OK):
                stack.enter_context(self._locked(WAIT_SECONDS))
            check_folder(self.layout)
            with durable.os_errors_reported("verifying"):
                return verify_registry(self.layout, self.key, self.model_name)

    @contextlib.contextmanager
    def lock(self, timeout: float = WAIT_SECONDS) -> Iterator[None]:
        """Be the only writer; what a writer that died left behind is settled first. May be nested.

        Raises:
            RegistryFolderMissing: there is no registry.
            RegistryBusy: another process held it for all of `timeout` seconds; names it.
        """
        from churn.registry.recovery import settle

        with self._locked(timeout) as outermost:
            if outermost:
                with durable.os_errors_reported("clearing up after an interrupted command"):
                    settle(self.layout, self.store)
            yield

    @contextlib.contextmanager
    def _locked(self, timeout: float) -> Iterator[bool]:
        """Hold the lock without settling anything; whether this is the outermost of nested holds."""
        check_folder(self.layout)
        self._lock = self._lock or new_lock(self.layout.lock)
        if self._lock.is_locked:
            yield False
            return
        with held(self._lock, self.layout.lock_holder, timeout):
            yield True

    def _trusted_entry(self, tag: str) -> Entry:
        entry = self.entry(tag)
        if self.key is not None:
            self.key.check(entry)
        return entry

    def _check_may_be_served(self, tag: str) -> None:
        """What is asked of a model's record before its archive is looked at."""
        self._trusted_entry(tag)
        name = tag.partition(":")[0]
        if self.model_name is not None and name != self.model_name:
            raise ModelInvalid(
                f"{tag} is not of the name that is served, MODEL_NAME={self.model_name}: the service would refuse it; "
                f"promote a model of that name, or set MODEL_NAME={name} here and for the service"
            )

    def _import(self, tag: Tag, archive: Path, entry: Entry) -> None:
        import tempfile

        source = self._keep_from_pruning(str(tag), archive, entry)
        with (
            durable.os_errors_reported(f"fetching {tag}"),
            tempfile.TemporaryDirectory(prefix="churn-fetch-", ignore_cleanup_errors=True) as scratch,
        ):
            copy = Path(scratch) / f"model{ARCHIVE_SUFFIX}"
            copy_checked(source, archive, entry, copy)
            check_members(copy, archive)
            self.store.replace(tag, copy, archive)
        if not self.store.matches(tag, entry["files"]):
            raise ArchiveInvalid(f"{archive} does not hold the files that were recorded for {tag}; retrain the model")

    def _keep_from_pruning(self, tag: str, archive: Path, entry: Entry) -> IO[bytes]:
        """Hold the archive open and locked for reading; the oldest beyond a few is let go."""
        file = opened_for_reading(archive, entry)
        previous = self._being_read.pop(tag, None)
        self._being_read[tag] = file
        oldest = next(iter(self._being_read))
        let_go = [previous, self._being_read.pop(oldest) if len(self._being_read) > _HELD_FOR_READING else None]
        for unneeded in let_go:
            if unneeded is not None:
                unneeded.close()
        return file
