"""Metadata of the models: one entry each in `metadata.json`, newest last. Entries are added and marked, not removed."""

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn.errors import ModelNotFound, RegistryError
from churn.registry.entry import ModelEntry
from churn.registry.layout import Layout, replace_files, unreadable

if TYPE_CHECKING:
    from churn.signing import ModelKey


def read_entries(layout: Layout) -> list[ModelEntry]:
    """All entries, newest last; none where no model was saved yet.

    Raises:
        RegistryFolderMissing: there is no registry.
        RegistryError: the file is not what `save` writes; says where it is wrong.
    """
    path = layout.metadata
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        layout.check_folder()
        if layout.promotions.exists():
            raise _damaged(path, "is missing, though models were promoted") from None
        return []
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"is not valid JSON ({error})") from None
    if not isinstance(raw, list):
        raise _damaged(path, "is not a JSON list")
    entries = []
    for number, item in enumerate(raw, start=1):
        try:
            entries.append(ModelEntry.parse(item))
        except ValueError as problem:
            raise _damaged(path, f"entry {number} of {len(raw)} {problem}") from None
    return entries


def find_entry(entries: Sequence[ModelEntry], tag: str, key: "ModelKey | None" = None) -> ModelEntry:
    """The entry of a model, signed by the key if there is one.

    Raises:
        ModelNotFound: names the nearest tags that there are.
        SignatureInvalid: the key has not signed this model.
    """
    entry = next((entry for entry in entries if entry.tag == tag), None)
    if entry is None:
        known = [entry.tag for entry in entries]
        near = difflib.get_close_matches(tag, known, n=3) or known[-3:][::-1]
        there_is = f"did you mean {', '.join(near)}?" if near else "no model was saved yet; run `churn train`"
        shown = tag if len(tag) <= 130 else tag[:130] + "..."
        raise ModelNotFound(f"there is no model {shown!r}; {there_is}")
    if key is not None:
        key.check(entry.raw)
    return entry


def render_json(entries: Sequence[dict[str, Any]]) -> bytes:
    """The file's content.

    Raises:
        TypeError, ValueError: an entry is no JSON.
    """
    return json.dumps(entries, indent=1, allow_nan=False).encode() + b"\n"


def write_entries(layout: Layout, entries: Sequence[ModelEntry], named: Mapping[Path, bytes] | None = None) -> None:
    """Replace the file, right after the files that a new entry names: all or (on a full volume) none."""
    replace_files({**(named or {}), layout.metadata: render_json([entry.raw for entry in entries])})


def _damaged(path: Path, what: str) -> RegistryError:
    return RegistryError(
        f"{path} {what}; it was damaged or edited: restore it from a backup, or mend it by hand "
        "(`churn registry verify` checks it). The archives in models/ are not touched"
    )
