"""The command `churn score`."""

import sys
from importlib import import_module

import click


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def score(arguments: tuple[str, ...]) -> None:
    """See `python score.py --help`."""
    sys.exit(import_module("score").main(arguments))
