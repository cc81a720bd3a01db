"""Exit codes of every command."""

from collections import Counter
from importlib import import_module
from typing import Any

import click

from churn.commands.group import churn


def facts() -> dict[str, Any]:
    """The texts of the page."""
    tables = {name: _codes(name) for name in churn.list_commands(click.Context(churn))}
    uses = Counter(item for table in tables.values() for item in table.items())
    shared = {item for item, count in uses.items() if count > len(tables) / 2}
    return {
        "shared": sorted(shared),
        "commands": {name: sorted(set(table.items()) - shared) for name, table in tables.items()},
    }


def _codes(name: str) -> dict[int, str]:
    module = import_module(f"churn.commands.{name}")
    if not hasattr(module, "EXIT_CODES"):
        raise SystemExit(f"{module.__file__} has no EXIT_CODES: what each exit code of `churn {name}` means")
    codes: dict[int, str] = module.EXIT_CODES
    return codes
