"""Schema changes between models: clients of the current one are not broken by surprise."""

import contextlib
from collections.abc import Mapping

from churn.errors import ChurnError, SchemaChangeRefused
from churn.registry.layout import Layout
from churn.registry.metadata import find_entry, read_entries
from churn.registry.pointer import pointed_at
from churn.registry.tarball import check_members, read_files
from churn.schema.definition import Schema
from churn.schema.difference import differences
from churn.schema.stored import schema_of


def check_schema_change(layout: Layout, tag: str, files: Mapping[str, bytes], accepted: str | None) -> str:
    """Refuse a model whose clients would have to change what they send.

    Args:
        layout: of the registry, whose pointer names the current model; without one there is nothing to compare with.
        tag: the model that is to be served.
        files: its files, by name.
        accepted: why it may be served all the same; None: it may not.

    Returns:
        For the history: that a change was accepted, and why; empty where there is none.

    Raises:
        SchemaChangeRefused: it refuses records that the current model accepts; lists the differences.
    """
    current = pointed_at(layout)
    old = None if current is None else _schema(layout, current)
    if old is None or current is None:
        return ""
    breaking = [change.text for change in differences(old, schema_of(tag, files)) if change.breaking]
    if not breaking:
        return ""
    if accepted is None:
        raise SchemaChangeRefused(
            "\n  ".join(
                [
                    f"{tag} is not served: it would refuse requests that the current model, {current}, accepts:",
                    *breaking,
                    "change the clients first, then promote it with --accept-schema-change REASON",
                ]
            )
        )
    return f"schema change accepted: {accepted}"


def _schema(layout: Layout, tag: str) -> Schema | None:
    """The schema of a model; None where its archive is gone or damaged: then nobody knows what it accepts."""
    with contextlib.suppress(ChurnError, OSError):
        archive = layout.archive(find_entry(read_entries(layout), tag).tag)
        check_members(archive, archive)
        return schema_of(tag, read_files(archive))
    return None
