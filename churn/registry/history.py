"""History of the pointer: one JSON object a line, oldest first. Lines are added, never changed."""

import json
from collections.abc import Container, Sequence
from typing import Literal, TypedDict

from churn.errors import RegistryError
from churn.registry.layout import Layout, unreadable
from churn.registry.tag import parse_tag

# "from" is a keyword, so the class syntax cannot name it.
Promotion = TypedDict(
    "Promotion",
    {"when": str, "action": Literal["promote", "rollback"], "from": str | None, "to": str, "why": str, "command": str},
)


def read_promotions(layout: Layout) -> list[Promotion]:
    """The whole history; empty where nothing was promoted yet.

    Raises:
        RegistryError: names the line that is not one of the history.
    """
    path = layout.promotions
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(path, error) from error
    return [
        parse_promotion(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line.strip()
    ]


def render_promotions(promotions: Sequence[Promotion]) -> bytes:
    """The file's content."""
    return b"".join(json.dumps(promotion).encode() + b"\n" for promotion in promotions)


def trail(promotions: Sequence[Promotion], current: str | None) -> list[str]:
    """The models that led to the current one, oldest first: like the way back in a browser.

    A promotion goes one step on; a rollback goes back to where it says. A pointer that was changed by hand
    counts as a rollback where the model is on the trail, else as a promotion.
    """
    steps: list[str] = []
    for promotion in promotions:
        _arrive_by_hand(steps, promotion["from"])
        if promotion["action"] == "rollback" and promotion["to"] in steps[:-1]:
            _go_back(steps, promotion["to"])
        else:
            steps.append(promotion["to"])
    _arrive_by_hand(steps, current)
    return steps


def predecessor(promotions: Sequence[Promotion], current: str | None, kept: Container[str]) -> str | None:
    """The model before the current one, on the real trail of promotions; those that are not kept are stepped over."""
    steps = trail(promotions, current)
    return next((tag for tag in reversed(steps[:-1]) if tag in kept and tag != current), None)


def _arrive_by_hand(steps: list[str], tag: str | None) -> None:
    if tag is None or (steps and steps[-1] == tag):
        return
    if tag in steps:
        _go_back(steps, tag)
    else:
        steps.append(tag)


def _go_back(steps: list[str], tag: str) -> None:
    steps.pop()
    while steps[-1] != tag:
        steps.pop()


def parse_promotion(line: bytes | str, where: str) -> Promotion:
    """One line of the history.

    Raises:
        RegistryError: it is none; `where` says where it stands.
    """
    try:
        value = json.loads(line)
        promotion: Promotion = {
            "when": str(value["when"]),
            "action": "rollback" if value["action"] == "rollback" else "promote",
            "from": value["from"],
            "to": value["to"],
            "why": str(value["why"]),
            "command": str(value["command"]),
        }
        if parse_tag(promotion["to"]) is None or not isinstance(promotion["from"], str | None):
            raise ValueError(promotion)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RegistryError(f"{where} is not a line of the history; mend or remove it by hand") from None
    return promotion
