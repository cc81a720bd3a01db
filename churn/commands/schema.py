"""The command `churn schema`."""

import sys
from importlib import import_module

import click


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def schema(arguments: tuple[str, ...]) -> None:
    """See `python -m churn.schema --help`."""
    sys.exit(import_module("churn.schema.__main__").main(arguments))
