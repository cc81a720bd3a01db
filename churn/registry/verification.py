"""Check of a whole registry: metadata, archives, pointer, history, statistics, left-overs. Changes nothing."""

import contextlib
import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from churn.errors import ModelInvalid, PointerMissing, RegistryError
from churn.registry.archive import digest_of
from churn.registry.entry import REPORT_HTML, ModelEntry
from churn.registry.history import Promotion, read_promotions, trail
from churn.registry.layout import Layout, os_errors_reported
from churn.registry.lock import locked
from churn.registry.metadata import read_entries
from churn.registry.pointer import pointed_at, read_pointer
from churn.registry.recovery import Intent, describe, intent_tags, read_intent, train_stats
from churn.registry.servable import check_servable
from churn.registry.tag import ARCHIVE_SUFFIX, REPORT_SUFFIX, Tag
from churn.registry.tarball import read_files

if TYPE_CHECKING:
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


def verify_registry(layout: Layout, key: "ModelKey | None", model_name: str | None) -> list[Finding]:
    """Check all of it, and that the models can be served.

    Args:
        layout: the registry's paths.
        key: key that must have signed the models; None: none has to.
        model_name: name that the current model must have; None: any.

    Raises:
        RegistryFolderMissing: there is no registry.
        RegistryBusy: a writer was at work all the time.
    """
    layout.check_folder()
    with contextlib.ExitStack() as stack:
        # A writer at work looks like one that died, so it is waited for; on a read-only volume there is none to
        # wait for, or none that could be seen.
        if os.access(layout.registry, os.W_OK):
            stack.enter_context(locked(layout.lock, layout.lock_holder))
        stack.enter_context(os_errors_reported("verifying"))
        intent = read_intent(layout)
        findings = list(_interrupted(layout, intent))
        try:
            entries = read_entries(layout)
        except RegistryError as error:
            # Without the metadata nothing else can be checked.
            return [*findings, Finding(layout.shown(layout.metadata), str(error))]
        findings += _entries(layout, entries, key)
        findings += _reports(layout, entries, intent)
        findings += _strays(layout, entries, intent)
        findings += _pointer(layout, entries, intent, model_name)
        findings += _history(layout, entries, intent)
    return findings


def _interrupted(layout: Layout, intent: Intent | None) -> Iterator[Finding]:
    if intent is not None:
        yield Finding(layout.shown(layout.intent), f"an interrupted {describe(intent)}", _SETTLES)
    for path in layout.left_overs():
        yield Finding(layout.shown(path), "a temporary file of an interrupted command", _SETTLES)


def _entries(layout: Layout, entries: Sequence[ModelEntry], key: "ModelKey | None") -> Iterator[Finding]:
    where = layout.shown(layout.metadata)
    try:
        current = pointed_at(layout)
    except RegistryError:  # the pointer has its own finding
        current = None
    seen: set[Tag] = set()
    for entry in entries:
        if entry.tag in seen:
            yield Finding(where, f"{entry.tag} is there more than once", "remove the wrong entry by hand")
        seen.add(entry.tag)
        archive = layout.archive(entry.tag)
        shown = layout.shown(archive)
        if entry.model_file != shown:
            yield Finding(where, f"{entry.tag} has the model_file {entry.model_file!r}, not {shown!r}")
        if not entry.pruned_at:
            try:
                check_servable(archive, entry)
                if key is not None:
                    key.check(entry.raw)
            except (RegistryError, ModelInvalid) as error:
                yield Finding(shown, str(error), _IS_CURRENT if entry.tag == current else "")


def _reports(layout: Layout, entries: Sequence[ModelEntry], intent: Intent | None) -> Iterator[Finding]:
    for entry in entries:
        page = layout.report(entry.tag)
        shown = layout.shown(page)
        if entry.report == shown:
            yield from _report(page, shown, entry)
        elif entry.report is not None:
            yield Finding(layout.shown(layout.metadata), f"{entry.tag} has the report {entry.report!r}, not {shown!r}")
    known = {layout.report(entry.tag) for entry in entries if entry.report is not None}
    explained = {*layout.left_overs(), *map(layout.report, intent_tags(intent or {}))}
    for path in sorted(layout.reports.glob(f"*{REPORT_SUFFIX}")):
        if path not in known | explained:
            yield _stray(layout, path, "a report")


def _report(page: Path, shown: str, entry: ModelEntry) -> Iterator[Finding]:
    """Compare the page with what was saved in the model."""
    cure = (
        "restore it from a backup"
        if entry.pruned_at
        else f"`churn registry show {entry.tag} --html {shlex.quote(str(page))}` writes it anew"
    )
    try:
        digest = digest_of(page)
    except OSError as error:
        yield Finding(shown, f"it cannot be read ({error.strerror})", cure)
        return
    if digest != entry.files.get(REPORT_HTML):
        yield Finding(shown, f"it is not the report that was saved in {entry.tag}", cure)


def _strays(layout: Layout, entries: Sequence[ModelEntry], intent: Intent | None) -> Iterator[Finding]:
    known = {layout.archive(entry.tag) for entry in entries if not entry.pruned_at}
    explained = {*layout.left_overs(), *map(layout.archive, intent_tags(intent or {}))}
    for path in sorted(layout.models.glob(f"*{ARCHIVE_SUFFIX}")):
        if path not in known | explained:
            yield _stray(layout, path, "an archive")


def _stray(layout: Layout, path: Path, what: str) -> Finding:
    where = layout.shown(layout.metadata)
    return Finding(layout.shown(path), f"{what} that {where} does not hold", "remove it if nobody misses it")


def _pointer(
    layout: Layout, entries: Sequence[ModelEntry], intent: Intent | None, model_name: str | None
) -> Iterator[Finding]:
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
    entry = next((entry for entry in entries if entry.tag == tag), None)
    if entry is None or entry.pruned_at:
        state = "was pruned" if entry else "the metadata does not hold"
        yield Finding(where, f"it names {tag}, which {state}", "promote another model")
        return
    if model_name is not None and tag.name != model_name:
        what = f"it names {tag}, and MODEL_NAME is {model_name}, so the service refuses it"
        yield Finding(where, what, "promote a model of that name, or set MODEL_NAME")
    if not _is_promotion(intent):
        yield from _train_stats(layout, tag)


def _train_stats(layout: Layout, tag: Tag) -> Iterator[Finding]:
    where = layout.shown(layout.train_stats)
    cure = f"`churn registry promote {tag}` writes it anew"
    try:
        archive = layout.archive(tag)
        expected = train_stats(archive, read_files(archive))
    except RegistryError:
        return  # the archive has its own finding
    try:
        actual = layout.train_stats.read_bytes()
    except OSError as error:
        yield Finding(where, f"it cannot be read ({error.strerror})", cure)
        return
    if actual != expected:
        yield Finding(where, f"it is not that of the current model {tag}", cure)


def _history(layout: Layout, entries: Sequence[ModelEntry], intent: Intent | None) -> Iterator[Finding]:
    where = layout.shown(layout.promotions)
    try:
        promotions = read_promotions(layout)
        current = read_pointer(layout)
    except PointerMissing:
        return
    except RegistryError as error:
        yield Finding(where, str(error))
        return
    known = {entry.tag for entry in entries}
    yield from (
        Finding(where, f"{tag} was promoted, and the metadata does not hold it", "restore metadata.json from a backup")
        for tag in dict.fromkeys(promotion["to"] for promotion in promotions)
        if tag not in known
    )
    if not _is_promotion(intent):
        yield from _last_step(where, promotions, current)


def _is_promotion(intent: Intent | None) -> bool:
    """Whether pointer, statistics and history may differ because a promotion stopped between them."""
    return intent is not None and intent.get("action") == "promote"


def _last_step(where: str, promotions: Sequence[Promotion], current: str) -> Iterator[Finding]:
    last = trail(promotions, None)[-1:]
    if last != [current]:
        yield Finding(
            where,
            f"it ends at {last[0] if last else 'nothing'}, the pointer names {current}: it was changed by hand",
            "the next promote or rollback takes it from there",
        )
