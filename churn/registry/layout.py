"""Where everything of a registry lies under `CHURN_HOME`."""

from pathlib import Path
from typing import NamedTuple

from churn.registry.tag import Tag


class Layout(NamedTuple):
    """The paths of one home."""

    home: Path

    @property
    def models(self) -> Path:
        """The mirror: one archive a model."""
        return self.home / "models"

    @property
    def registry(self) -> Path:
        """The folder of everything below."""
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
    def unfinished(self) -> Path:
        """What a writer is about to do; left behind by one that died."""
        return self.registry / ".unfinished.json"

    @property
    def lock(self) -> Path:
        """Held by the writer."""
        return self.registry / ".lock"

    @property
    def lock_holder(self) -> Path:
        """Who holds it, for people."""
        return self.registry / ".lock-holder"

    def archive(self, tag: Tag) -> Path:
        """The archive of a model."""
        return self.models / tag.archive_name

    def shown(self, path: Path) -> str:
        """The path as messages show it: from the home on."""
        return path.relative_to(self.home).as_posix()
