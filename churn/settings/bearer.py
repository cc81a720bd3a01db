"""Bearer tokens from a variable or a file."""

from dataclasses import dataclass, field
from pathlib import Path

PLACEHOLDER_TOKEN = "replace-me"  # noqa: S105 - what k8s/secret.yaml ships; never accepted as a token


@dataclass(frozen=True)
class TokenSettings:
    """A bearer token.

    Attributes:
        value: the token; None where none is set, or only the placeholder.
        file: the file to read it from again; None where a variable holds it.
        asked_for: whether the variable is set or a file is named, whatever came of it.

    """

    value: str | None = field(repr=False)
    file: Path | None
    asked_for: bool


def read_token_file(path: Path) -> str | None:
    """The token that a file holds, or None where it holds nothing or the placeholder.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError: it is not UTF-8 text.
    """
    value = path.read_text(encoding="utf-8").strip()
    return None if value in ("", PLACEHOLDER_TOKEN) else value
