"""Moving the pointer: training statistics, pointer, history, in that order, under a note."""

from typing import Literal

from churn import files as durable
from churn.errors import ArchiveInvalid, RegistryError
from churn.registry.history import Promotion, read_promotions, render_promotions, trail
from churn.registry.layout import Layout
from churn.registry.lock import utc_now
from churn.registry.metadata import PRUNED, Entry, find_entry, is_pruned, read_entries
from churn.registry.pointer import pointed_at, read_pointer
from churn.registry.recovery import noted, train_stats_of
from churn.registry.servable import check_servable
from churn.registry.store import LocalStore
from churn.registry.tag import parse_tag


def promote_model(
    layout: Layout, store: LocalStore, tag: str, why: str, command: str, action: Literal["promote", "rollback"]
) -> Promotion | None:
    """Point at a model that can be served; None where it is current already. Under the lock.

    Raises:
        ModelNotFound: no such model.
        ArchiveInvalid: its archive is missing, pruned, damaged or unsafe; the pointer is as it was.
        ModelInvalid: this code cannot serve it; the pointer is as it was.
        RegistryError: metadata or history is damaged, or the volume refuses.
    """
    entry = find_entry(read_entries(layout), tag)
    parsed = parse_tag(entry["model_tag"])
    assert parsed is not None, "read_entries checks it"  # noqa: S101 - for the type checker
    if is_pruned(entry):
        raise ArchiveInvalid(f"{tag} was pruned at {entry[PRUNED]}: its archive is gone; promote another, or retrain")
    archive = layout.archive(parsed)
    check_servable(archive, entry)
    stats = train_stats_of(layout, parsed)
    current = pointed_at(layout)
    if current == parsed:
        durable.write(layout.train_stats, stats)
        return None
    promotion: Promotion = {
        "when": utc_now(),
        "action": action,
        "from": str(current) if current else None,
        "to": tag,
        "why": why,
        "command": command,
    }
    history = render_promotions([*read_promotions(layout), promotion])
    with noted(layout, store, "promote", line=render_promotions([promotion]).decode()):
        # All is on the disk before the first rename: a full volume cannot stop between them.
        staged = [
            (durable.stage(path, content), path)
            for path, content in (
                (layout.train_stats, stats),
                (layout.pointer, f"{tag}\n".encode()),
                (layout.promotions, history),
            )
        ]
        for temporary, path in staged:
            durable.put_in_place(temporary, path)
    return promotion


def predecessor(layout: Layout, entries: list[Entry]) -> str | None:
    """The model before the current one, on the real trail of promotions; pruned ones are stepped over.

    Raises:
        RegistryError: there is no valid pointer, or the history is damaged.
    """
    current = str(read_pointer(layout))
    there = {entry["model_tag"] for entry in entries if not is_pruned(entry)}
    steps = trail(read_promotions(layout), current)
    return next((tag for tag in reversed(steps[:-1]) if tag in there and tag != current), None)


def rollback_target(layout: Layout) -> str:
    """Where a rollback leads.

    Raises:
        RegistryError: there is nothing to go back to.
    """
    target = predecessor(layout, read_entries(layout))
    if target is None:
        raise RegistryError(
            f"{read_pointer(layout)} is the first model of the history: there is nothing to go back to; "
            "`python -m churn.registry list` shows what can be promoted"
        )
    return target
