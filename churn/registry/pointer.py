"""The pointer: one line that names the model to serve."""

import os
from pathlib import Path

from churn import files as durable
from churn.errors import PointerEmpty, PointerInvalid, PointerMissing, RegistryError, RegistryFolderMissing
from churn.registry.layout import Layout
from churn.registry.tag import Tag, parse_tag

_MAX_BYTES = 256
"""Longer than any tag; a pointer beyond that is refused without being read."""

_CURE = "`python -m churn.registry promote TAG` sets it"


def read_pointer(layout: Layout) -> Tag:
    """The model to serve.

    Raises:
        RegistryFolderMissing, PointerMissing, PointerEmpty, PointerInvalid: each says what to do.
        RegistryError: the file cannot be read.
    """
    path = layout.pointer
    content = _read_start(layout, path)
    if not content.strip():
        raise PointerEmpty(f"{path} is empty; {_CURE}")
    if len(content) > _MAX_BYTES:
        raise PointerInvalid(f"{path} is longer than {_MAX_BYTES} bytes, so it is no tag `name:version`; {_CURE}")
    text = content.decode("utf-8", errors="replace").strip()
    tag = parse_tag(text)
    if tag is None:
        shown = text if len(text) <= 60 else text[:60] + "..."
        raise PointerInvalid(f"{path} holds {shown!r}, which is not a BentoML tag `name:version`; {_CURE}")
    return tag


def pointed_at(layout: Layout) -> Tag | None:
    """The model to serve, or None where the pointer is missing, empty or invalid: for whoever replaces it."""
    try:
        return read_pointer(layout)
    except (PointerMissing, PointerEmpty, PointerInvalid):
        return None


def _read_start(layout: Layout, path: Path) -> bytes:
    try:
        # Non-blocking: a named pipe in its place must not hang the one who looks.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        try:
            return os.read(descriptor, _MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        check_folder(layout)
        raise PointerMissing(
            f"{path} is missing: no model was promoted yet; run `python train.py`, or {_CURE}"
        ) from None
    except IsADirectoryError:
        raise PointerInvalid(f"{path} is a folder; remove it, then {_CURE}") from None
    except OSError as error:
        raise RegistryError(f"{path} cannot be read: {error.strerror}; check the volume and its permissions") from error


def check_folder(layout: Layout) -> None:
    """Raise RegistryFolderMissing where there is no registry folder."""
    with durable.os_errors_reported(f"looking for {layout.registry}"):
        if not layout.registry.is_dir():
            raise RegistryFolderMissing(
                f"{layout.registry} is missing: nothing was trained here, or the volume is not mounted; "
                "run `python train.py`, or check CHURN_HOME and the mount"
            )
