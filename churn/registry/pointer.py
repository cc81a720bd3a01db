"""Pointer to the model in service: one line with its tag."""

import os

from churn.errors import PointerEmpty, PointerInvalid, PointerMissing
from churn.registry.layout import Layout, unreadable
from churn.registry.tag import Tag, parse_tag

_MAX_BYTES = 256
"""Longer than any tag; a pointer beyond that is refused without being read."""

_CURE = "`churn registry promote TAG` sets it"


def read_pointer(layout: Layout) -> Tag:
    """The model to serve.

    Raises:
        RegistryFolderMissing, PointerMissing, PointerEmpty, PointerInvalid: each says what to do.
        RegistryError: the file cannot be read.
    """
    path = layout.pointer
    content = _read_start(layout)
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


def _read_start(layout: Layout) -> bytes:
    path = layout.pointer
    try:
        # Non-blocking: a named pipe in its place must not hang the reader.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        try:
            return os.read(descriptor, _MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        layout.check_folder()
        raise PointerMissing(f"{path} is missing: no model was promoted yet; run `churn train`, or {_CURE}") from None
    except IsADirectoryError:
        raise PointerInvalid(f"{path} is a folder; remove it, then {_CURE}") from None
    except OSError as error:
        raise unreadable(path, error) from error
