"""Help of every command of `churn`, and the targets of the Makefile."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from churn.commands.group import churn

MAKEFILE = Path(__file__).parents[2] / "Makefile"
WIDTH = 78
"""Of the help at a terminal of 80 columns: Click leaves two."""


def facts() -> dict[str, Any]:
    """The texts of the page."""
    context = click.Context(churn, info_name="churn", terminal_width=WIDTH, **churn.context_settings)
    targets = re.findall(r"^([a-z-]+):.*?## (.*)$", MAKEFILE.read_text(encoding="utf-8"), re.MULTILINE)
    return {"commands": list(_help(churn, context)), "targets": targets}


def _help(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Each command as it is typed with its help, a group before its commands."""
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if child := command.get_command(context, name):
                yield from _help(child, child.make_context(name, [], parent=context, resilient_parsing=True))
