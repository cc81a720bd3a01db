"""Whether the service could put a model in service: all that it checks before a swap, checked on the archive."""

import hashlib
from pathlib import Path

from churn.errors import ArchiveInvalid, ChurnError, ModelInvalid
from churn.registry.archive import check_digest, check_members, read_files
from churn.registry.metadata import Entry
from churn.registry.store import YAML_NAME, tag_in_yaml


def check_servable(archive: Path, entry: Entry) -> None:
    """Refuse a model that this code could not serve. Writes nothing, neither on the volume nor in the store.

    Args:
        archive: of the model, in the mirror.
        entry: what is recorded of it.

    Raises:
        ArchiveInvalid: the archive is missing, pruned, damaged or unsafe, or holds other files than were recorded.
        ModelInvalid: schema version, inputs or golden predictions are not what this code expects.
    """
    check_digest(archive, entry)
    check_members(archive, archive)
    tag, files = str(entry["model_tag"]), read_files(archive)
    found = tag_in_yaml(files.get(YAML_NAME, b""))
    if found != tag:
        raise ArchiveInvalid(f"{archive} holds the model {found}, not {tag}; restore it, or retrain")
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    if not entry["files"].items() <= digests.items():
        raise ArchiveInvalid(f"{archive} does not hold the files that were recorded for {tag}; retrain the model")
    _check_loads(tag, {name: files[name] for name in entry["files"]})


def _check_loads(tag: str, files: dict[str, bytes]) -> None:
    # ONNX Runtime takes a third of a second to import, which reading the registry must not cost.
    from churn.scoring.scorer import Scorer  # noqa: PLC0415

    try:
        Scorer.from_files(tag, files)
    except ChurnError:
        raise
    except Exception as error:  # as the service, which must outlive whatever a model does
        raise ModelInvalid(f"model {tag} cannot be loaded: {error!r}; retrain it, or promote another model") from error
