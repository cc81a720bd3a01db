"""Naming rules for new models, and the next free version."""

from collections.abc import Mapping, Sequence
from typing import Any

from churn.errors import RegistryError
from churn.registry.entry import ModelEntry, is_file_name
from churn.registry.layout import Layout
from churn.registry.metadata import read_entries, render_json
from churn.registry.store import YAML_NAME, LocalStore
from churn.registry.tag import LATEST, MAX_PART, Tag, is_tag_part


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


def check_input(name: str, version: str | None, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> None:
    """Refuse what could not be stored, before any of it is written.

    Raises:
        RegistryError: says which of name, version, files, facts is not allowed, and what is.
    """
    check_tag(name, version)
    if not files:
        raise RegistryError(f"model {name!r} has no files")
    for file_name in files:
        if not is_file_name(file_name) or file_name == YAML_NAME:
            raise RegistryError(f"{file_name!r} is not allowed as the name of a file of a model")
    try:
        render_json([dict(facts)])
    except (TypeError, ValueError) as error:
        raise RegistryError(f"the metadata of the model is not JSON: {error}") from None


def choose_tag(layout: Layout, store: LocalStore, name: str, version: str | None) -> Tag:
    """The tag to save under: the version asked for, or the next of v1, v2, ... that is free everywhere.

    Raises:
        RegistryError: the version asked for is taken; says where.
    """
    entries = read_entries(layout)
    if version is not None:
        tag = Tag(f"{name}:{version}")
        if where := _taken(layout, store, entries, tag):
            raise RegistryError(f"{tag} exists already {where}; choose another --version, or leave it out")
        return tag
    number = 1
    while _taken(layout, store, entries, tag := Tag(f"{name}:v{number}")):
        number += 1
    return tag


def _taken(layout: Layout, store: LocalStore, entries: Sequence[ModelEntry], tag: Tag) -> str | None:
    """Where a tag, or the name of its archive, is in use; the archives of `a-b:c` and `a:b-c` share one."""
    archive = layout.archive(tag)
    for entry in entries:
        if entry.tag == tag or entry.model_file == layout.shown(archive):
            return f"in {layout.shown(layout.metadata)} (as {entry.tag})"
    if archive.exists():
        return f"as {layout.shown(archive)}"
    if store.has(tag):
        return f"in the BentoML store {store.home} (`bentoml models delete {tag}` removes it there)"
    return None
