"""Report of a stored model: its page, and the document with all of its figures."""

import hashlib
import json
from pathlib import Path
from typing import Any

from churn import files
from churn.errors import RegistryError
from churn.registry.entry import REPORT_FORMAT, REPORT_HTML, REPORT_JSON, ModelEntry
from churn.registry.layout import os_errors_reported
from churn.registry.metadata import find_entry
from churn.registry.registry import Registry


def stored_page(registry: Registry, tag: str) -> bytes:
    """The page as it was saved: that in `registry/reports/`, or where it is missing or altered, that in the model.

    Raises:
        ModelNotFound: the metadata knows no such model.
        RegistryError: it has no report, or as `Registry.fetch`.
    """
    entry = _entry_with(registry, tag, REPORT_HTML)
    try:
        page = registry.layout.report(entry.tag).read_bytes()
    except OSError:
        page = b""
    if hashlib.sha256(page).hexdigest() == entry.files[REPORT_HTML]:
        return page
    return _read(registry, tag, REPORT_HTML)


def stored_document(registry: Registry, tag: str) -> dict[str, Any]:
    """The document of `report.json` in a model. Raises as `stored_page`."""
    _entry_with(registry, tag, REPORT_JSON)
    document: dict[str, Any] = json.loads(_read(registry, tag, REPORT_JSON))
    if document["format"] != REPORT_FORMAT:
        raise RegistryError(f"the report of {tag} is of format {document['format']}; this code reads {REPORT_FORMAT}")
    return document


def write_page(path: Path, page: bytes) -> None:
    """Write a page where a user wants it; what is there is replaced as a whole.

    Raises:
        RegistryError: names the file that cannot be written, and why.
    """
    try:
        files.write({path: page})
    except (OSError, ValueError) as error:  # a path like `.` has no name
        raise RegistryError(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}") from None


def _entry_with(registry: Registry, tag: str, name: str) -> ModelEntry:
    entry = find_entry(registry.entries(), tag, registry.key)
    if name not in entry.files:
        raise RegistryError(f"{tag} has no report: an earlier release trained it; train it anew for one")
    return entry


def _read(registry: Registry, tag: str, name: str) -> bytes:
    with os_errors_reported(f"reading the report of {tag}"):
        return (registry.fetch(tag) / name).read_bytes()
