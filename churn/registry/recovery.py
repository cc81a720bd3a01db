"""Write-ahead intent log for crash recovery.

The intent is written before anything else changes and removed at the end. What decides is always one rename:

save     store, archive, report, METADATA. Before the metadata names the model: the other three are removed.
promote  train_stats.json, POINTER, history. Before the pointer names the model: train_stats.json is put back;
         after: the line of history is added.
prune    METADATA (marks), archives, store copies. Before the marks: nothing; after: the removal is finished.

An intent that a crash left is settled by the next writer; `verify` names it until then.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from churn.errors import ArchiveInvalid, RegistryError
from churn.registry import store_writer
from churn.registry.history import Promotion, parse_promotion, read_promotions, render_promotions
from churn.registry.layout import Layout, os_errors_reported, replace_files
from churn.registry.metadata import read_entries
from churn.registry.pointer import pointed_at
from churn.registry.store import LocalStore
from churn.registry.tag import Tag, parse_tag
from churn.registry.tarball import read_files
from churn.stored_files import ModelFile

type Intent = Mapping[str, Any]


@dataclass(frozen=True)
class IntentLog:
    """The intent log of a `Writer`, which alone may change the registry."""

    _layout: Layout
    _store: LocalStore

    @contextlib.contextmanager
    def recorded(self, action: str, **what: object) -> Iterator[None]:
        """Record what is about to be done; when it fails, settle at once."""
        intent = {"action": action, "store": str(self._store.home), **what}
        replace_files({self._layout.intent: json.dumps(intent).encode()})
        try:
            yield
        except BaseException:
            with contextlib.suppress(RegistryError, OSError):  # the failure is reported; the next writer tries again
                self.settle()
            raise
        self._layout.intent.unlink()

    def settle(self) -> None:
        """Finish or undo what a crash left half done.

        Raises:
            RegistryError: metadata or history is damaged, or the volume refuses.
        """
        with os_errors_reported("clearing up after an interrupted command"):
            for path in self._layout.left_overs():
                path.unlink(missing_ok=True)
            intent = read_intent(self._layout)
            if intent is None:
                return
            match intent.get("action"):
                case "save":
                    saved = {entry.tag for entry in read_entries(self._layout)}
                    undone = [tag for tag in intent_tags(intent) if tag not in saved]
                    self._remove(intent, undone)
                    for tag in undone:
                        self._layout.report(tag).unlink(missing_ok=True)
                case "promote":
                    self._settle_promotion(parse_promotion(str(intent.get("line", "")), f"{self._layout.intent}, line"))
                case "prune":
                    pruned = {entry.tag for entry in read_entries(self._layout) if entry.pruned_at}
                    self._remove(intent, [tag for tag in intent_tags(intent) if tag in pruned])
            self._layout.intent.unlink()

    def remove_model(self, tag: Tag, *, store: bool = True) -> None:
        """Remove archive and store copy of a model, if they are there; the page of its report stays."""
        self._layout.archive(tag).unlink(missing_ok=True)
        if store and self._store.folder(tag).is_dir():
            with store_writer.writing(self._store) as writer:
                writer.discard(tag)

    def _remove(self, intent: Intent, tags: Sequence[Tag]) -> None:
        for tag in tags:
            self.remove_model(tag, store=intent.get("store") == str(self._store.home))

    def _settle_promotion(self, promotion: Promotion) -> None:
        current = pointed_at(self._layout)
        if current == promotion["to"]:
            promotions = read_promotions(self._layout)
            if promotion not in promotions:
                replace_files({self._layout.promotions: render_promotions([*promotions, promotion])})
            return
        try:
            archive = self._layout.archive(current) if current else None
            stats = train_stats(archive, read_files(archive)) if archive else None
        except ArchiveInvalid:  # no figures are better than another model's, and must not bar the way to a cure
            stats = None
        if stats is None:
            self._layout.train_stats.unlink(missing_ok=True)
        else:
            replace_files({self._layout.train_stats: stats})


def read_intent(layout: Layout) -> Intent | None:
    """The intent of a writer that died; empty where it is none of ours."""
    try:
        intent = json.loads(layout.intent.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return intent if isinstance(intent, dict) else {}


def intent_tags(intent: Intent) -> list[Tag]:
    """The models that an intent is about."""
    return [tag for text in intent.get("tags", []) if (tag := parse_tag(str(text)))]


def describe(intent: Intent) -> str:
    """An intent in words."""
    if intent.get("action") == "promote":
        with contextlib.suppress(RegistryError):
            promotion = parse_promotion(str(intent.get("line")), "")
            return f"{promotion['action']} from {promotion['from'] or 'none'} to {promotion['to']}"
    about = ", ".join(intent_tags(intent))
    return f"{intent.get('action', 'command')} of {about or 'something unknown'}"


def train_stats(archive: Path, files: Mapping[str, bytes]) -> bytes:
    """The training statistics of a model's card, as `train_stats.json` holds them.

    Args:
        archive: the model's archive, for the message.
        files: its files, by name.

    Raises:
        ArchiveInvalid: the card lacks them.
    """
    try:
        stats = json.loads(files[ModelFile.CARD.path])["train_stats"]
        return json.dumps(stats, indent=1, allow_nan=False).encode() + b"\n"
    except (ValueError, KeyError, TypeError):
        raise ArchiveInvalid(f"{archive}: card.json lacks train_stats; retrain the model") from None
