"""The group `churn`, whose commands are imported when they are called: `churn --help` takes 0.1 s."""

from importlib import import_module
from typing import override

import click
from click.exceptions import NoSuchCommand
from click.shell_completion import CompletionItem

from churn.cli import version_option

COMMANDS = {
    "train": "Train, evaluate and gate a model, and promote it if it passes.",
    "serve": "Serve the current model over HTTP.",
    "predict": "Ask for the prediction of one customer.",
    "score": "Score all customers of a file, a folder or a pattern.",
    "drift": "Compare the logged predictions with the training data.",
    "registry": "List the models, and choose the one to serve.",
    "schema": "Propose, check and compare schemas of tables.",
    "data": "Make training data for trying things out.",
    "demo": "Train, serve and drift, and open what there is to see.",
    "completion": "Complete commands, options, files and tags in your shell.",
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
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; one that is not there is told what it may have meant."""
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as error:
            raise NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None

    @override
    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands and options that begin like this, without importing a command."""
        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["--help", "-h"]})
@version_option
def churn() -> None:
    """Predict which customers are about to leave: train, serve, watch and roll back."""
