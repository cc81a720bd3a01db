"""The command `churn serve`."""

import os
import sys
from pathlib import Path

import click


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: tuple[str, ...]) -> None:
    """Serve the current model over HTTP; options as those of `bentoml serve`."""
    program = str(Path(sys.executable).with_name("bentoml"))
    os.execv(program, [program, "serve", "service:ChurnApi", *arguments])  # noqa: S606 - BentoML's own command
