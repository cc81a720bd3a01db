"""The command `churn registry`."""

import sys
from importlib import import_module

import click


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def registry(arguments: tuple[str, ...]) -> None:
    """See `python -m churn.registry --help`."""
    sys.exit(import_module("churn.registry.__main__").main(arguments))
