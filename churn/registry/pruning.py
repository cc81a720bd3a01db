"""Removing old archives: metadata is marked first, so that nothing recorded is lost and a crash is finished later."""

import contextlib

from churn.errors import RegistryError
from churn.registry.archive import lock_against_reading
from churn.registry.history import read_promotions
from churn.registry.layout import Layout
from churn.registry.lock import utc_now
from churn.registry.metadata import PRUNED, Entry, is_pruned, read_entries, write_entries
from churn.registry.pointer import pointed_at
from churn.registry.promoting import predecessor
from churn.registry.recovery import noted, remove_model
from churn.registry.store import LocalStore
from churn.registry.tag import Tag, parse_tag


def prune_models(layout: Layout, store: LocalStore, keep: int) -> list[str]:
    """Remove archives and store copies of all but the `keep` newest models. Under the lock.

    The current model, its predecessor and any that a process is reading stay. Entries stay, marked.

    Returns:
        The tags that were removed, oldest first.

    Raises:
        RegistryError: metadata or history is damaged, the pointer is lost, or the volume refuses.
    """
    entries = read_entries(layout)
    with contextlib.ExitStack() as exclusive:
        doomed = [tag for tag in _candidates(layout, entries, keep) if _not_being_read(layout, tag, exclusive)]
        if not doomed:
            return []
        tags = [str(tag) for tag in doomed]
        now = utc_now()
        marked = [entry | {PRUNED: now} if entry["model_tag"] in tags else entry for entry in entries]
        with noted(layout, store, "prune", tags=tags):
            write_entries(layout, marked)
            for tag in doomed:
                remove_model(layout, store, tag)
    return tags


def _candidates(layout: Layout, entries: list[Entry], keep: int) -> list[Tag]:
    there = [entry["model_tag"] for entry in entries if not is_pruned(entry)]
    current = pointed_at(layout)
    if current is None and read_promotions(layout):
        raise RegistryError(
            f"{layout.pointer} names no model, so nobody knows what is served: promote one first, then prune"
        )
    kept = {str(current), predecessor(layout, entries) if current else None, *there[max(len(there) - keep, 0) :]}
    return [tag for text in there if text not in kept and (tag := parse_tag(text))]


def _not_being_read(layout: Layout, tag: Tag, exclusive: contextlib.ExitStack) -> bool:
    """Take the model from readers until the removal is over; False where one has it."""
    path = layout.archive(tag)
    try:
        file = lock_against_reading(path)
    except FileNotFoundError:
        return True  # nobody can be reading what is not there
    if file is None:
        return False
    exclusive.callback(file.close)
    return True
