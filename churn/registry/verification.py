"""Everything that can be wrong with a registry, looked for at once. Changes nothing; the caller holds the lock."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from churn import files as durable
from churn.errors import ModelInvalid, PointerMissing, RegistryError
from churn.registry.history import Promotion, read_promotions, trail
from churn.registry.layout import Layout
from churn.registry.metadata import Entry, is_pruned, read_entries
from churn.registry.pointer import pointed_at, read_pointer
from churn.registry.recovery import Note, described, noted_tags, read_note, train_stats_of
from churn.registry.servable import check_servable
from churn.registry.tag import ARCHIVE_SUFFIX, Tag, parse_tag
from churn.signing import ModelKey

_SETTLES = "the next save, promote, rollback or prune settles it"
_IS_CURRENT = "it is the current model: a service that starts now has none"


class Finding(NamedTuple):
    """One thing wrong or left over: where, what, and what to do about it where the text does not say."""

    where: str
    what: str
    cure: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"; {self.cure}" if self.cure else "")


def verify_registry(layout: Layout, key: ModelKey | None, model_name: str | None) -> list[Finding]:
    """Re-check metadata, archives, pointer, history, training statistics, and that models load; list left-overs.

    Args:
        layout: where all is.
        key: that must have signed the models; None: none has to.
        model_name: that the current model must have; None: any.

    """
    note = read_note(layout)
    findings = list(_interrupted(layout, note))
    try:
        entries = read_entries(layout)
    except RegistryError as error:
        # Without the metadata nothing else can be judged.
        return [*findings, Finding(layout.shown(layout.metadata), str(error))]
    findings += _entries(layout, entries, key)
    findings += _strays(layout, entries, note)
    findings += _pointer(layout, entries, note, model_name)
    findings += _history(layout, entries, note)
    return findings


def _interrupted(layout: Layout, note: Note | None) -> Iterator[Finding]:
    if note is not None:
        yield Finding(layout.shown(layout.unfinished), f"an interrupted {described(note)}", _SETTLES)
    for folder in (layout.registry, layout.models):
        for path in durable.left_overs(folder):
            yield Finding(layout.shown(path), "a temporary file of an interrupted command", _SETTLES)


def _entries(layout: Layout, entries: Sequence[Entry], key: ModelKey | None) -> Iterator[Finding]:
    where = layout.shown(layout.metadata)
    current = _current(layout)
    seen: set[str] = set()
    for entry in entries:
        text = entry["model_tag"]
        if text in seen:
            yield Finding(where, f"{text} is there more than once", "remove the wrong entry by hand")
        seen.add(text)
        tag = parse_tag(text)
        if tag is None:
            continue
        archive = layout.archive(tag)
        if entry.get("model_file") != layout.shown(archive):
            yield Finding(
                where, f"{text} has the model_file {entry.get('model_file')!r}, not {layout.shown(archive)!r}"
            )
        if not is_pruned(entry):
            try:
                check_servable(archive, entry)
                if key is not None:
                    key.check(entry)
            except (RegistryError, ModelInvalid) as error:
                yield Finding(layout.shown(archive), str(error), _IS_CURRENT if tag == current else "")


def _current(layout: Layout) -> Tag | None:
    try:
        return pointed_at(layout)
    except RegistryError:  # the pointer has its own finding
        return None


def _strays(layout: Layout, entries: Sequence[Entry], note: Note | None) -> Iterator[Finding]:
    known = {
        layout.archive(tag) for entry in entries if not is_pruned(entry) and (tag := parse_tag(entry["model_tag"]))
    }
    explained = {*durable.left_overs(layout.models), *(layout.archive(tag) for tag in noted_tags(note or {}))}
    for path in sorted(layout.models.glob(f"*{ARCHIVE_SUFFIX}")):
        if path not in known and path not in explained:
            where = layout.shown(layout.metadata)
            yield Finding(layout.shown(path), f"an archive that {where} does not hold", "remove it if nobody misses it")


def _pointer(layout: Layout, entries: Sequence[Entry], note: Note | None, model_name: str | None) -> Iterator[Finding]:
    where = layout.shown(layout.pointer)
    try:
        tag = read_pointer(layout)
    except PointerMissing as error:
        # Before the first promotion that is as it should be.
        if layout.promotions.exists():
            yield Finding(where, str(error))
        return
    except RegistryError as error:
        yield Finding(where, str(error))
        return
    entry = next((entry for entry in entries if entry["model_tag"] == str(tag)), None)
    if entry is None or is_pruned(entry):
        state = "was pruned" if entry else "the metadata does not hold"
        yield Finding(where, f"it names {tag}, which {state}", "promote another model")
        return
    if model_name is not None and tag.name != model_name:
        what = f"it names {tag}, and MODEL_NAME is {model_name}, so the service refuses it"
        yield Finding(where, what, "promote a model of that name, or set MODEL_NAME")
    if not _is_promotion(note):
        yield from _train_stats(layout, tag)


def _train_stats(layout: Layout, tag: Tag) -> Iterator[Finding]:
    where = layout.shown(layout.train_stats)
    cure = f"`python -m churn.registry promote {tag}` writes it anew"
    try:
        expected = train_stats_of(layout, tag)
    except RegistryError:
        return  # the archive has its own finding
    try:
        actual = layout.train_stats.read_bytes()
    except OSError as error:
        yield Finding(where, f"it cannot be read ({error.strerror})", cure)
        return
    if actual != expected:
        yield Finding(where, f"it is not that of the current model {tag}", cure)


def _history(layout: Layout, entries: Sequence[Entry], note: Note | None) -> Iterator[Finding]:
    where = layout.shown(layout.promotions)
    try:
        promotions = read_promotions(layout)
        current = str(read_pointer(layout))
    except PointerMissing:
        return
    except RegistryError as error:
        yield Finding(where, str(error))
        return
    known = {entry["model_tag"] for entry in entries}
    yield from (
        Finding(where, f"{tag} was promoted, and the metadata does not hold it", "restore metadata.json from a backup")
        for tag in dict.fromkeys(promotion["to"] for promotion in promotions)
        if tag not in known
    )
    if not _is_promotion(note):
        yield from _last_step(where, promotions, current)


def _is_promotion(note: Note | None) -> bool:
    """Whether pointer, statistics and history may differ because a promotion stopped between them."""
    return note is not None and note.get("action") == "promote"


def _last_step(where: str, promotions: Sequence[Promotion], current: str) -> Iterator[Finding]:
    last = trail(promotions, None)[-1:]
    if last != [current]:
        yield Finding(
            where,
            f"it ends at {last[0] if last else 'nothing'}, the pointer names {current}: it was changed by hand",
            "the next promote or rollback takes it from there",
        )
