"""Saving a new model: store, archive, metadata, in that order, under a note."""

import hashlib
from collections.abc import Mapping
from typing import Any

from churn import files as durable
from churn.errors import RegistryError
from churn.registry.archive import digest_of
from churn.registry.layout import Layout
from churn.registry.metadata import Entry, is_file_name, read_entries, render_entries, write_entries
from churn.registry.recovery import noted
from churn.registry.store import YAML_NAME, LocalStore
from churn.registry.tag import LATEST, MAX_PART, Tag, is_tag_part
from churn.signing import ModelKey


def check_tag(name: str, version: str | None) -> None:
    """Refuse a name or version that is no part of a BentoML tag.

    Raises:
        RegistryError: says which, and what is allowed.
    """
    rule = f"1 to {MAX_PART} of a-z, 0-9, '_', '.', '-', with a letter or digit at both ends"
    if not is_tag_part(name):
        raise RegistryError(f"model name {name!r} is not allowed; allowed: {rule}")
    if version is not None and (not is_tag_part(version) or version == LATEST):
        raise RegistryError(f"version {version!r} is not allowed; allowed: {rule}, and not {LATEST!r}")


def check_input(name: str, version: str | None, files: Mapping[str, bytes], entry: Mapping[str, Any]) -> None:
    """Refuse what could not be stored, before anything is written.

    Raises:
        RegistryError: says which of name, version, files, entry is not allowed, and what is.
    """
    check_tag(name, version)
    if not files:
        raise RegistryError(f"model {name!r} has no files")
    for file_name in files:
        if not is_file_name(file_name) or file_name == YAML_NAME:
            raise RegistryError(f"{file_name!r} is not allowed as the name of a file of a model")
    try:
        render_entries([dict(entry)])
    except (TypeError, ValueError) as error:
        raise RegistryError(f"the metadata of the model is not JSON: {error}") from None


def choose_tag(layout: Layout, store: LocalStore, name: str, version: str | None) -> Tag:
    """The tag to save under: the version asked for, or the next of v1, v2, ... that is free everywhere.

    Raises:
        RegistryError: the version asked for is taken; says where.
    """
    entries = read_entries(layout)
    if version is not None:
        tag = Tag(name, version)
        if where := _taken(layout, store, entries, tag):
            raise RegistryError(f"{tag} exists already {where}; choose another --version, or leave it out")
        return tag
    number = 1
    while _taken(layout, store, entries, tag := Tag(name, f"v{number}")):
        number += 1
    return tag


def save_model(
    layout: Layout,
    store: LocalStore,
    tag: Tag,
    files: Mapping[str, bytes],
    entry: Mapping[str, Any],
    key: ModelKey | None,
) -> None:
    """Save under a free tag. Under the lock; a failure or crash leaves no trace that the next writer does not remove.

    Raises:
        RegistryError: BentoML or the file system refuses.
    """
    labels = {"app": "churn-api", "passed_gate": str(bool(entry.get("passed_gate"))).lower()}
    archive = layout.archive(tag)
    with noted(layout, store, "save", tags=[str(tag)]):
        store.create(tag, files, labels, entry)
        temporary = durable.temporary_beside(archive)
        store.export(tag, temporary)
        durable.sync_file(temporary)
        recorded = _recorded(layout, tag, digest_of(temporary), files)
        if key is not None:
            recorded["signature"] = key.sign(recorded)
        durable.put_in_place(temporary, archive)
        write_entries(layout, [*read_entries(layout), {**entry, **recorded}])


def _recorded(layout: Layout, tag: Tag, digest: str, files: Mapping[str, bytes]) -> Entry:
    return {
        "model_tag": str(tag),
        "model_file": layout.shown(layout.archive(tag)),
        "sha256": digest,
        "version": tag.version,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }


def _taken(layout: Layout, store: LocalStore, entries: list[Entry], tag: Tag) -> str | None:
    """Where a tag, or the name of its archive, is in use; the archives of `a-b:c` and `a:b-c` share one."""
    archive = layout.archive(tag)
    for entry in entries:
        if entry["model_tag"] == str(tag) or entry.get("model_file") == layout.shown(archive):
            return f"in {layout.shown(layout.metadata)} (as {entry['model_tag']})"
    if archive.exists():
        return f"as {layout.shown(archive)}"
    if store.has(tag):
        return f"in the BentoML store {store.home} (`bentoml models delete {tag}` removes it there)"
    return None
