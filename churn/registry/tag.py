"""BentoML tags `name:version`, by BentoML's own rule. No other text becomes part of a path."""

import re

MAX_PART = 63
ARCHIVE_SUFFIX = ".bentomodel"
REPORT_SUFFIX = ".html"
LATEST = "latest"
"""BentoML's moving alias, which is never a version of its own."""

_PART = re.compile(r"[a-z0-9]([-._a-z0-9]*[a-z0-9])?")


class Tag(str):
    """A valid tag: the text `name:version`. `parse_tag` makes one of a text that may be none.

    Outside the registry tags are plain texts: YAML, and orjson as keys, take no other kind.
    """

    __slots__ = ()

    @property
    def name(self) -> str:
        """The model's name."""
        return self.partition(":")[0]

    @property
    def version(self) -> str:
        """The model's version."""
        return self.partition(":")[2]

    @property
    def archive_name(self) -> str:
        """Name of the archive in `models/`."""
        return f"{self.name}-{self.version}{ARCHIVE_SUFFIX}"

    @property
    def report_name(self) -> str:
        """Name of the report's page in `registry/reports/`."""
        return f"{self.name}-{self.version}{REPORT_SUFFIX}"


def is_tag_part(text: str) -> bool:
    """Whether BentoML takes this as a name or a version (`latest` aside)."""
    return len(text) <= MAX_PART and _PART.fullmatch(text) is not None


def parse_tag(text: str) -> Tag | None:
    """The tag that the text is, or None where it is none, or names no version of its own."""
    name, _, version = text.partition(":")
    if is_tag_part(name) and is_tag_part(version) and version != LATEST:
        return Tag(text)
    return None
