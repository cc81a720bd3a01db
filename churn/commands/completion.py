"""Completion in a shell: the command `churn completion`, tags of models, and bash's way with their colons."""

import os
from typing import Any, override

import click
from click.shell_completion import BashComplete, CompletionItem, get_completion_class, split_arg_string

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


class Bash(BashComplete):
    """Completion in bash, which ends a word at a colon: it is sent the line, and completes what follows the colon."""

    source_template = BashComplete.source_template.replace(
        'COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD', 'COMP_LINE="${COMP_LINE:0:COMP_POINT}"'
    )
    _done = ""

    @override
    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor, and the one that is being written."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        incomplete = "" if line[-1:].isspace() else words.pop()
        self._done = incomplete[: incomplete.rfind(":") + 1]
        return words[1:], incomplete

    @override
    def format_completion(self, item: CompletionItem[Any]) -> str:
        """What stands after the colon."""
        return f"{item.type},{item.value.removeprefix(self._done)}"


def complete_tags(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The tags of the models under CHURN_HOME that begin like this; none where they cannot be read."""
    from churn.registry import Registry
    from churn.settings import read_settings

    try:
        tags = [str(entry.tag) for entry in Registry(read_settings().home).entries()]
    except ChurnError:
        return []
    return [tag for tag in tags if tag.startswith(incomplete)]
