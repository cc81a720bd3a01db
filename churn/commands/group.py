"""The group `churn`, whose commands are imported when they are called: `churn --help` takes 0.1 s."""

from importlib import import_module
from typing import override

import click

from churn.cli import VERSION

COMMANDS = {
    "train": "train, evaluate and gate a model, and promote it if it passes",
    "serve": "serve the current model over HTTP",
    "predict": "ask for the prediction of one customer",
    "score": "score all customers of a file, a folder or a pattern",
    "drift": "compare the logged predictions with the training data",
    "registry": "list the models, and choose the one to serve",
    "schema": "propose, check and compare schemas of tables",
    "data": "make simulated customers",
    "demo": "train, serve, send traffic that drifts, and open what there is to see",
}


class LazyGroup(click.Group):
    """A group of `COMMANDS`."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order of a model's life."""
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"churn.commands.{cmd_name}"), cmd_name)
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup)
@click.version_option(message=VERSION)
def churn() -> None:
    """Predict which customers are about to leave: train, serve, watch and roll back."""
