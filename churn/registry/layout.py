"""Paths of a registry under `CHURN_HOME`; what the file system refuses there becomes a message for the user."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from churn import files
from churn.errors import RegistryError, RegistryFolderMissing
from churn.registry.tag import Tag

LOCK_SECONDS = 60.0
"""How long a writer waits for another one. A save locks the registry for a fraction of a second."""
TEMPORARY_PREFIX = ".registry-"
"""Start of the names of temporary files, by which `left_overs` finds those of an interrupted writer."""


class Layout(NamedTuple):
    """The paths of one home."""

    home: Path

    @property
    def models(self) -> Path:
        """The mirror: one archive a model."""
        return self.home / "models"

    @property
    def registry(self) -> Path:
        """The folder of every file below."""
        return self.home / "registry"

    @property
    def pointer(self) -> Path:
        """One line, the tag that is served."""
        return self.registry / "current_model.txt"

    @property
    def metadata(self) -> Path:
        """A JSON list, one entry a trained model."""
        return self.registry / "metadata.json"

    @property
    def promotions(self) -> Path:
        """One JSON object a line, one line a change of the pointer."""
        return self.registry / "promotions.jsonl"

    @property
    def train_stats(self) -> Path:
        """Mean and standard deviation of the current model's training numbers."""
        return self.registry / "train_stats.json"

    @property
    def intent(self) -> Path:
        """What a writer is about to do; left behind by one that died."""
        return self.registry / ".unfinished.json"

    @property
    def lock(self) -> Path:
        """File that a writer locks."""
        return self.registry / ".lock"

    @property
    def lock_holder(self) -> Path:
        """Process that locked it, for people."""
        return self.registry / ".lock-holder"

    def archive(self, tag: Tag) -> Path:
        """The archive of a model."""
        return self.models / tag.archive_name

    def shown(self, path: Path) -> str:
        """The path as messages show it: from the home on."""
        return path.relative_to(self.home).as_posix()

    def check_folder(self) -> None:
        """Raise RegistryFolderMissing where there is no registry folder."""
        with os_errors_reported(f"looking for {self.registry}"):
            if not self.registry.is_dir():
                raise RegistryFolderMissing(
                    f"{self.registry} is missing: nothing was trained here, or the volume is not mounted; "
                    "run `python train.py`, or check CHURN_HOME and the mount"
                )

    def left_overs(self) -> list[Path]:
        """Temporary files. While the caller alone may write, all of them are of writers that died."""
        return [path for folder in (self.registry, self.models) for path in files.left_overs(folder, TEMPORARY_PREFIX)]


def replace_files(contents: Mapping[Path, bytes]) -> None:
    """Replace files of the registry, all or (on a full volume) none."""
    files.write(contents, TEMPORARY_PREFIX)


@contextlib.contextmanager
def os_errors_reported(doing: str) -> Iterator[None]:
    """Turn what the operating system refuses (full, read-only, forbidden, I/O) into a message for the user.

    Raises:
        RegistryError: says what was being done, to which file, and why it failed.
    """
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise RegistryError(f"{doing} failed: {error.strerror or error}{where}") from error


def unreadable(path: Path, error: OSError) -> RegistryError:
    """The error of a file that is there and cannot be read."""
    return RegistryError(f"{path} cannot be read: {error.strerror}; check the volume and its permissions")
