"""Paths of a registry under `CHURN_HOME`, and errors of the file system there as messages for the user."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from churn import files
from churn.errors import RegistryError, RegistryFolderMissing
from churn.registry.tag import Tag
from churn.stored_files import HomeFile

LOCK_SECONDS = 60.0
"""How long a writer waits for another one. A save locks the registry for a fraction of a second."""
TEMPORARY_PREFIX = ".registry-"
"""Start of the names of temporary files, by which `left_overs` finds those of an interrupted writer."""


class Layout:
    """The paths of one home; `HomeFile` says what each file holds.

    Attributes:
        home: folder of all of them.
        models: the mirror, one archive a model.
        reports: one HTML page a model that has one; the page of a pruned model stays, as its entry does.
        registry: folder of the other files.

    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.models = home / "models"
        self.registry = home / "registry"
        self.reports = self.registry / "reports"
        self.pointer = HomeFile.POINTER.under(home)
        self.metadata = HomeFile.METADATA.under(home)
        self.promotions = HomeFile.PROMOTIONS.under(home)
        self.train_stats = HomeFile.TRAIN_STATS.under(home)
        self.intent = HomeFile.INTENT.under(home)
        self.lock = HomeFile.LOCK.under(home)
        self.lock_holder = HomeFile.LOCK_HOLDER.under(home)

    def archive(self, tag: Tag) -> Path:
        """The archive of a model."""
        return self.models / tag.archive_name

    def report(self, tag: Tag) -> Path:
        """The page of a model's report."""
        return self.reports / tag.report_name

    def shown(self, path: Path) -> str:
        """The path as messages show it: from the home on."""
        return path.relative_to(self.home).as_posix()

    def check_folder(self) -> None:
        """Raise RegistryFolderMissing where there is no registry folder."""
        with os_errors_reported(f"looking for {self.registry}"):
            if not self.registry.is_dir():
                raise RegistryFolderMissing(
                    f"{self.registry} is missing: nothing was trained here, or the volume is not mounted; "
                    "run `churn train`, or check CHURN_HOME and the mount"
                )

    def left_overs(self) -> list[Path]:
        """Temporary files. While the caller alone may write, all of them are of writers that died."""
        folders = (self.registry, self.models, self.reports)
        return [path for folder in folders for path in files.left_overs(folder, TEMPORARY_PREFIX)]


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
