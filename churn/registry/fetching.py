"""Import of models from the mirror on the volume into the local store."""

import tempfile
from pathlib import Path

from churn.errors import ArchiveInvalid
from churn.registry.archive import ReadLocks, copy_checked
from churn.registry.entry import ModelEntry
from churn.registry.layout import os_errors_reported
from churn.registry.store import LocalStore
from churn.registry.store_writer import writing
from churn.registry.tag import ARCHIVE_SUFFIX
from churn.registry.tarball import check_members


def fetch_from_mirror(archive: Path, entry: ModelEntry, store: LocalStore, locks: ReadLocks) -> None:
    """Import a model into the store, unless another worker of this pod has done it meanwhile.

    Raises:
        ArchiveInvalid: the archive is missing, damaged or unsafe, or holds other files than were recorded.
        RegistryError: the mirror cannot be read, or the store not written.
    """
    with writing(store) as writer:
        if store.matches(entry.tag, entry.files):
            return
        source = locks.take(archive, entry)
        with (
            os_errors_reported(f"fetching {entry.tag}"),
            tempfile.TemporaryDirectory(prefix="churn-fetch-", ignore_cleanup_errors=True) as scratch,
        ):
            copy = Path(scratch) / f"model{ARCHIVE_SUFFIX}"
            copy_checked(source, archive, entry, copy)
            check_members(copy, archive)
            writer.replace(entry.tag, copy, archive)
        if not store.matches(entry.tag, entry.files):
            raise ArchiveInvalid(
                f"{archive} does not hold the files that were recorded for {entry.tag}; retrain the model"
            )
