"""A note of what a writer is about to do, so that the next writer can finish or undo what a crash left.

The note is written before anything else changes and removed at the end. What decides is always one rename:

save     store, archive, METADATA. Before the metadata names the model: archive and store copy are removed.
promote  train_stats.json, POINTER, history. Before the pointer names the model: train_stats.json is put back;
         after: the line of history is added.
prune    METADATA (marks), archives, store copies. Before the marks: nothing; after: the removal is finished.

A note is settled by the next command that writes, under the lock; `verify` tells of it until then.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from churn import files as durable
from churn.errors import ArchiveInvalid, RegistryError
from churn.registry.archive import read_member
from churn.registry.history import Promotion, parse_promotion, read_promotions, render_promotions
from churn.registry.layout import Layout
from churn.registry.metadata import is_pruned, read_entries
from churn.registry.pointer import pointed_at
from churn.registry.store import LocalStore
from churn.registry.tag import Tag, parse_tag

type Note = Mapping[str, Any]


@contextlib.contextmanager
def noted(layout: Layout, store: LocalStore, action: str, **what: object) -> Iterator[None]:
    """Do something under a note; when it fails, settle at once."""
    note = {"action": action, "store": str(store.home), **what}
    durable.write(layout.unfinished, json.dumps(note).encode())
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception):  # what failed is reported; the next writer tries again
            settle(layout, store)
        raise
    layout.unfinished.unlink()


def read_note(layout: Layout) -> Note | None:
    """What a writer that died was doing; empty where the note is not one of ours."""
    try:
        note = json.loads(layout.unfinished.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}


def noted_tags(note: Note) -> list[Tag]:
    """The models that a note is about."""
    return [tag for text in note.get("tags", []) if (tag := parse_tag(str(text)))]


def described(note: Note) -> str:
    """A note in words."""
    if note.get("action") == "promote":
        with contextlib.suppress(RegistryError):
            promotion = parse_promotion(str(note.get("line")), "")
            return f"{promotion['action']} from {promotion['from'] or 'none'} to {promotion['to']}"
    about = ", ".join(str(tag) for tag in noted_tags(note))
    return f"{note.get('action', 'command')} of {about or 'something unknown'}"


def settle(layout: Layout, store: LocalStore) -> None:
    """Bring the registry to a state in which nothing is half done. Under the lock.

    Raises:
        RegistryError: metadata or history is damaged; nothing was changed.
    """
    for folder in (layout.registry, layout.models):
        for path in durable.left_overs(folder):
            path.unlink(missing_ok=True)
    note = read_note(layout)
    if note is None:
        return
    same_store = note.get("store") == str(store.home)
    match note.get("action"):
        case "save":
            _settle_save(layout, store if same_store else None, noted_tags(note))
        case "promote":
            _settle_promote(layout, parse_promotion(str(note.get("line", "")), f"{layout.unfinished}, line"))
        case "prune":
            _settle_prune(layout, store if same_store else None, noted_tags(note))
    layout.unfinished.unlink()


def remove_model(layout: Layout, store: LocalStore | None, tag: Tag) -> None:
    """Remove archive and store copy of a model, if they are there."""
    layout.archive(tag).unlink(missing_ok=True)
    if store is not None and store.folder(tag).is_dir():
        with store.locked():
            store.discard(tag)


def train_stats_of(layout: Layout, tag: Tag) -> bytes:
    """The training statistics of a model's card, as `train_stats.json` holds them.

    Raises:
        ArchiveInvalid: the archive cannot be read, or its card lacks them.
    """
    archive = layout.archive(tag)
    try:
        stats = json.loads(read_member(archive, "card.json"))["train_stats"]
        return json.dumps(stats, indent=1, allow_nan=False).encode() + b"\n"
    except (ValueError, KeyError, TypeError):
        raise ArchiveInvalid(f"{archive}: card.json lacks train_stats; retrain the model") from None


def _settle_save(layout: Layout, store: LocalStore | None, tags: list[Tag]) -> None:
    known = {entry["model_tag"] for entry in read_entries(layout)}
    for tag in tags:
        if str(tag) not in known:
            remove_model(layout, store, tag)


def _settle_promote(layout: Layout, promotion: Promotion) -> None:
    current = pointed_at(layout)
    if str(current) == promotion["to"]:
        promotions = read_promotions(layout)
        if promotion not in promotions:
            durable.write(layout.promotions, render_promotions([*promotions, promotion]))
        return
    try:
        stats = train_stats_of(layout, current) if current else None
    except ArchiveInvalid:  # no figures are better than another model's, and must not bar the way to a cure
        stats = None
    if stats is None:
        layout.train_stats.unlink(missing_ok=True)
    else:
        durable.write(layout.train_stats, stats)


def _settle_prune(layout: Layout, store: LocalStore | None, tags: list[Tag]) -> None:
    pruned = {entry["model_tag"] for entry in read_entries(layout) if is_pruned(entry)}
    for tag in tags:
        if str(tag) in pruned:
            remove_model(layout, store, tag)
