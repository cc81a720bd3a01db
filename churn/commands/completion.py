"""Completion in a shell: the command `churn completion`, and the tags of models."""

import click
from click.shell_completion import get_completion_class

from churn import cli
from churn.errors import ChurnError

EXIT_CODES = {
    cli.DONE: "The script was printed.",
    cli.BAD_INPUT: "The shell is none of these.",
} | cli.ANY_COMMAND


@click.command(cls=cli.Command, context_settings=cli.settings(EXIT_CODES))
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    r"""Print the script that completes commands, options, files and tags.

    \b
    bash, in ~/.bashrc:                  eval "$(churn completion bash)"
    zsh, in ~/.zshrc after compinit:     eval "$(churn completion zsh)"
    fish, in ~/.config/fish/config.fish: churn completion fish | source
    """
    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(ctx.find_root().command, {}, "churn", "_CHURN_COMPLETE").source())
    return cli.DONE


def complete_tags(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The tags of the models under CHURN_HOME that begin like this; none where they cannot be read."""
    from churn.registry import Registry
    from churn.settings import read_settings

    try:
        tags = [str(entry.tag) for entry in Registry(read_settings().home).entries()]
    except ChurnError:
        return []
    return [tag for tag in tags if tag.startswith(incomplete)]
