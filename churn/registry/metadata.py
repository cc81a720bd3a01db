"""`metadata.json`: what is known of each trained model, newest last. Entries are added and marked, never removed."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from churn import files as durable
from churn.errors import ModelNotFound, RegistryError
from churn.registry.layout import Layout
from churn.registry.pointer import check_folder
from churn.registry.tag import parse_tag

type Entry = dict[str, Any]

PRUNED = "pruned_at_utc"
"""Set on the entry of a model whose archive `prune` has removed."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


def read_entries(layout: Layout) -> list[Entry]:
    """All entries, newest last; none where no model was saved yet.

    Raises:
        RegistryFolderMissing: there is no registry.
        RegistryError: the file is not what `save` writes; says where it is wrong.
    """
    path = layout.metadata
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        check_folder(layout)
        if layout.promotions.exists():
            raise _damaged(path, "is missing, though models were promoted") from None
        return []
    except OSError as error:
        raise RegistryError(f"{path} cannot be read: {error.strerror}; check the volume and its permissions") from error
    try:
        entries = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"is not valid JSON ({error})") from None
    if not isinstance(entries, list):
        raise _damaged(path, "is not a JSON list")
    for number, entry in enumerate(entries, start=1):
        if problem := _entry_problem(entry):
            raise _damaged(path, f"entry {number} of {len(entries)} {problem}")
    return entries


def find_entry(entries: Sequence[Entry], tag: str) -> Entry:
    """The entry of a model.

    Raises:
        ModelNotFound: names the nearest tags that there are.
    """
    for entry in entries:
        if entry["model_tag"] == tag:
            return entry
    import difflib  # noqa: PLC0415 - only for this message

    known = [str(entry["model_tag"]) for entry in entries]
    near = difflib.get_close_matches(tag, known, n=3) or known[-3:][::-1]
    there_is = f"did you mean {', '.join(near)}?" if near else "no model was saved yet; run `python train.py`"
    shown = tag if len(tag) <= 130 else tag[:130] + "..."
    raise ModelNotFound(f"there is no model {shown!r}; {there_is}")


def is_pruned(entry: Mapping[str, Any]) -> bool:
    """Whether the model's archive was removed on purpose."""
    return bool(entry.get(PRUNED))


def render_entries(entries: Sequence[Entry]) -> bytes:
    """The file's content."""
    return json.dumps(entries, indent=1, allow_nan=False).encode() + b"\n"


def write_entries(layout: Layout, entries: Sequence[Entry]) -> None:
    """Replace the file. Under the writers' lock."""
    durable.write(layout.metadata, render_entries(entries))


def _entry_problem(entry: object) -> str | None:
    if not isinstance(entry, dict):
        return "is not an object"
    tag, files = entry.get("model_tag"), entry.get("files")
    if not isinstance(tag, str) or parse_tag(tag) is None:
        return "has no valid model_tag"
    if not _is_digest(entry.get("sha256")):
        return f"({tag}) has no valid sha256"
    if not isinstance(files, dict) or not files:
        return f"({tag}) has no files"
    if not all(is_file_name(name) and _is_digest(digest) for name, digest in files.items()):
        return f"({tag}) has no valid files"
    return None


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def is_file_name(name: str) -> bool:
    """Whether this names a file in a folder, and nothing outside it."""
    return name not in ("", ".", "..") and not set(name) & set("/\\:\0")


def _damaged(path: Path, what: str) -> RegistryError:
    return RegistryError(
        f"{path} {what}; it was damaged or edited: restore it from a backup, or mend it by hand "
        "(`python -m churn.registry verify` checks it). The archives in models/ are not touched"
    )
