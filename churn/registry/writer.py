"""Writer of the registry: save, promote, roll back, prune. There is one only while the registry is locked for it."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from churn.errors import ArchiveInvalid, ModelInvalid, RegistryError
from churn.files import replacing
from churn.registry import store_writer
from churn.registry.archive import digest_of, lock_against_reading
from churn.registry.entry import REPORT_HTML, ModelEntry
from churn.registry.history import Promotion, predecessor, read_promotions, render_promotions
from churn.registry.layout import TEMPORARY_PREFIX, Layout, os_errors_reported, replace_files
from churn.registry.lock import locked, this_command, utc_now
from churn.registry.metadata import find_entry, read_entries, write_entries
from churn.registry.naming import check_input, check_tag, choose_tag
from churn.registry.pointer import pointed_at, read_pointer
from churn.registry.recovery import IntentLog, train_stats
from churn.registry.schema_change import check_schema_change
from churn.registry.servable import check_servable
from churn.registry.store import LocalStore, import_bentoml
from churn.registry.tag import Tag

if TYPE_CHECKING:
    from churn.signing import ModelKey


@contextlib.contextmanager
def open_writer(
    layout: Layout, store: LocalStore, key: "ModelKey | None", model_name: str | None, timeout: float, *, create: bool
) -> Iterator["Writer"]:
    """Lock a registry, settle what an interrupted writer left, and give a writer. Arguments as `Registry.writing`."""
    if create:
        import_bentoml()  # ahead of time, not while others wait for the lock
        with os_errors_reported(f"saving a model under {layout.home}"):
            layout.registry.mkdir(parents=True, exist_ok=True)
            layout.models.mkdir(exist_ok=True)
    layout.check_folder()
    with locked(layout.lock, layout.lock_holder, timeout):
        intents = IntentLog(layout, store)
        intents.settle()
        yield Writer(layout, store, intents, key, model_name)


@dataclass(frozen=True)
class Writer:
    """Changes to a registry that is locked; `Registry.writing` gives it, and it is of no use afterwards.

    After an error of any method the registry is as it was, or the next writer makes it so.
    """

    _layout: Layout
    _store: LocalStore
    _intents: IntentLog
    _key: "ModelKey | None"
    _model_name: str | None

    def free_tag(self, name: str, version: str | None) -> str:
        """The tag under which `save` would save; raises as it does."""
        check_tag(name, version)
        return str(choose_tag(self._layout, self._store, name, version))

    def save(self, name: str, version: str | None, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> str:
        """Save a model in the store, the mirror, the reports and the metadata, in that order; returns its tag.

        Args:
            name: BentoML name.
            version: BentoML version; None takes the next free one of v1, v2, ...
            files: content by plain file name; of `report.html`, if it is there, `registry/reports/` keeps a copy.
            facts: what is known of the model; `model_tag`, `model_file`, `sha256`, `version`, `files` are added, and
                `report` where there is one.

        Raises:
            SigningImpossible: the key is a public one.
            RegistryError: the version exists, or something is not allowed; the volume or BentoML refuses.
        """
        check_input(name, version, files, facts)
        if self._key is not None:
            self._key.require_private()
        layout = self._layout
        labels = {"app": "churn-api", "passed_gate": str(bool(facts.get("passed_gate"))).lower()}
        with os_errors_reported(f"saving a model under {layout.home}"):
            tag = choose_tag(layout, self._store, name, version)
            archive = layout.archive(tag)
            with self._intents.recorded("save", tags=[tag]):
                with store_writer.writing(self._store) as store:
                    store.create(tag, files, labels, facts)
                with replacing(archive, TEMPORARY_PREFIX) as temporary:
                    store_writer.export(tag, temporary)
                    entry = ModelEntry.parse({**facts, **self._record(tag, temporary, files)})
                write_entries(layout, [*read_entries(layout), entry], self._pages(tag, files))
        return str(tag)

    def promote(
        self, tag: str, reason: str = "", command: str | None = None, schema_change: str | None = None
    ) -> Promotion | None:
        """Make a saved model the one to serve, if this code can serve it; None where it was that already.

        Args:
            tag: the model.
            reason: why, for the history.
            command: by which command; default: that of this process.
            schema_change: why it may refuse requests that the current model accepts; None: it may not.

        Raises:
            SchemaChangeRefused: it refuses such requests; lists the differences.
            ModelNotFound, ArchiveInvalid, SignatureInvalid, RegistryError: the model or the registry is not usable.
            ModelInvalid: the service would refuse it; says why.
        """
        with os_errors_reported(f"promoting {tag}"):
            stats, change = self._stats_of_servable(tag, schema_change)
            if pointed_at(self._layout) == tag:
                replace_files({self._layout.train_stats: stats})
                return None
            return self._move_pointer("promote", tag, stats, _joined(reason, change), command)

    def rollback(self, reason: str = "", command: str | None = None, schema_change: str | None = None) -> Promotion:
        """Go back to the model that was served before the current one, along the real history; again and again.

        Arguments as `promote`.

        Raises:
            RegistryError: there is nothing to go back to, or as `promote`.
        """
        with os_errors_reported("rolling back"):
            kept = {entry.tag for entry in read_entries(self._layout) if not entry.pruned_at}
            current = read_pointer(self._layout)
            target = predecessor(read_promotions(self._layout), current, kept)
            if target is None:
                raise RegistryError(
                    f"{current} is the first model of the history: there is nothing to go back to; "
                    "`churn registry list` shows what can be promoted"
                )
            stats, change = self._stats_of_servable(target, schema_change)
            return self._move_pointer("rollback", target, stats, _joined(reason, change), command)

    def prune(self, keep: int) -> list[str]:
        """Remove archives and store copies of all but the `keep` newest models; returns their tags, oldest first.

        The current model, its predecessor and any being read stay; so does every entry of the metadata, marked, and
        the page of every report: they are the record of what was served.

        Raises:
            RegistryError: metadata or history is damaged, the pointer is lost, or the volume refuses.
        """
        with os_errors_reported("pruning"), contextlib.ExitStack() as unread:
            entries = read_entries(self._layout)
            tags = [
                tag for tag in self._superfluous(entries, keep) if _lock_if_unread(self._layout.archive(tag), unread)
            ]
            if tags:
                now = utc_now()
                with self._intents.recorded("prune", tags=tags):
                    write_entries(
                        self._layout, [entry.pruned(now) if entry.tag in tags else entry for entry in entries]
                    )
                    for tag in tags:
                        self._intents.remove_model(tag)
            return [str(tag) for tag in tags]

    def _record(self, tag: Tag, archive: Path, files: Mapping[str, bytes]) -> dict[str, Any]:
        """What the metadata hold of a model beside the facts of its training."""
        layout = self._layout
        recorded: dict[str, Any] = {
            "model_tag": tag,
            "model_file": layout.shown(layout.archive(tag)),
            "sha256": digest_of(archive),
            "version": tag.version,
            "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        }
        if REPORT_HTML in files:
            recorded["report"] = layout.shown(layout.report(tag))
        if self._key is not None:
            recorded["signature"] = self._key.sign(recorded)
        return recorded

    def _pages(self, tag: Tag, files: Mapping[str, bytes]) -> dict[Path, bytes]:
        """The page of its report, by its path; nothing where it has none."""
        if REPORT_HTML not in files:
            return {}
        self._layout.reports.mkdir(exist_ok=True)
        return {self._layout.report(tag): files[REPORT_HTML]}

    def _stats_of_servable(self, tag: str, schema_change: str | None) -> tuple[bytes, str]:
        """The training statistics of a model that passed all checks, and what the history says of its schema."""
        entry = find_entry(read_entries(self._layout), tag, self._key)
        name = entry.tag.name
        if self._model_name is not None and name != self._model_name:
            raise ModelInvalid(
                f"{tag} is not of the name that is served, MODEL_NAME={self._model_name}: the service would refuse it; "
                f"promote a model of that name, or set MODEL_NAME={name} here and for the service"
            )
        if entry.pruned_at:
            raise ArchiveInvalid(
                f"{tag} was pruned at {entry.pruned_at}: its archive is gone; promote another, or retrain"
            )
        archive = self._layout.archive(entry.tag)
        files = check_servable(archive, entry)
        return train_stats(archive, files), check_schema_change(self._layout, tag, files, schema_change)

    def _move_pointer(
        self, action: Literal["promote", "rollback"], tag: str, stats: bytes, reason: str, command: str | None
    ) -> Promotion:
        layout = self._layout
        promotion: Promotion = {
            "when": utc_now(),
            "action": action,
            "from": pointed_at(layout),
            "to": tag,
            "why": reason,
            "command": command or this_command(),
        }
        history = render_promotions([*read_promotions(layout), promotion])
        with self._intents.recorded("promote", line=render_promotions([promotion]).decode()):
            # The pointer decides (recovery.py), so it is renamed between the other two.
            replace_files(
                {layout.train_stats: stats, layout.pointer: f"{tag}\n".encode(), layout.promotions: history},
            )
        return promotion

    def _superfluous(self, entries: list[ModelEntry], keep: int) -> list[Tag]:
        kept = [entry.tag for entry in entries if not entry.pruned_at]
        current, promotions = pointed_at(self._layout), read_promotions(self._layout)
        if current is None and promotions:
            raise RegistryError(
                f"{self._layout.pointer} names no model, so nobody knows what is served: promote one first, then prune"
            )
        needed = {current, predecessor(promotions, current, kept), *kept[max(len(kept) - keep, 0) :]}
        return [tag for tag in kept if tag not in needed]


def _joined(*reasons: str) -> str:
    return "; ".join(filter(None, reasons))


def _lock_if_unread(archive: Path, unread: contextlib.ExitStack) -> bool:
    """Lock an archive against readers until the removal is over; False where a process is reading it."""
    try:
        file = lock_against_reading(archive)
    except FileNotFoundError:
        return True  # nobody can be reading what is not there
    if file is None:
        return False
    unread.callback(file.close)
    return True
