"""Servability check of an archive: all that the service checks before it puts a model in service."""

import hashlib
import re
from pathlib import Path

from churn.errors import ArchiveInvalid, ChurnError, ModelInvalid
from churn.model.scorer import Scorer
from churn.registry.archive import check_digest
from churn.registry.entry import ModelEntry
from churn.registry.store import YAML_NAME
from churn.registry.tarball import check_members, read_files

_TAG_LINE = re.compile(rb"^(name|version): *['\"]?([-._a-z0-9]*)", re.MULTILINE)


def check_servable(archive: Path, entry: ModelEntry) -> dict[str, bytes]:
    """Refuse a model that this code could not serve. Writes neither to the volume nor to the store.

    Args:
        archive: the model's archive in the mirror.
        entry: what is recorded of it.

    Returns:
        The files of the archive, by name.

    Raises:
        ArchiveInvalid: the archive is missing, pruned, damaged or unsafe, or holds other files than were recorded.
        ModelInvalid: schema version, inputs or golden predictions are not what this code expects.
    """
    check_digest(archive, entry)
    check_members(archive, archive)
    files = read_files(archive)
    parts = dict(_TAG_LINE.findall(files.get(YAML_NAME, b"")))
    found = b":".join(parts.get(key, b"") for key in (b"name", b"version")).decode("ascii")
    if found != entry.tag:
        raise ArchiveInvalid(f"{archive} holds the model {found}, not {entry.tag}; restore it, or retrain")
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    if not entry.files.items() <= digests.items():
        raise ArchiveInvalid(f"{archive} does not hold the files that were recorded for {entry.tag}; retrain the model")
    try:
        Scorer.from_files(entry.tag, {name: files[name] for name in entry.files})
    except ChurnError:
        raise
    except Exception as error:  # as the service, which must outlive whatever a model does
        raise ModelInvalid(
            f"model {entry.tag} cannot be loaded: {error!r}; retrain it, or promote another model"
        ) from error
    return files
