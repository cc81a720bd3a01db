"""The command `churn score`, also `python score.py`: its options. The flow: `churn/scoring/files/run.py`."""

from typing import Any

import click

from churn import cli
from churn.cli import option
from churn.commands.completion import complete_tags
from churn.option_types import OutputFile
from churn.scoring.files.options import FORMS, Options
from churn.settings import read_settings

EXIT_CODES = {
    cli.DONE: "All rows were scored, or with --on-error skip those that can be.",
    cli.BAD_INPUT: "An option, a setting or the input cannot be used, or the output cannot be written.",
    cli.NO_MODEL: "There is no model to score with.",
} | cli.ANY_COMMAND
PLACE = click.Path(readable=False)
"""A file, a folder, a pattern or a URL, as it was written."""
_INTERRUPTED = "interrupted; no file was written, but whole parts of a folder stay: `--resume` goes on after them"


@click.command(cls=cli.Command, context_settings=cli.settings(EXIT_CODES, _INTERRUPTED))
@cli.version_option
@click.argument("given", type=PLACE, metavar="IN")
@option(
    "--out", type=PLACE, required=True, metavar="OUT",
    help="Write this file, whose name ends in .parquet, .csv or .arrow, or this folder of parts, whose name ends in /.",
)  # fmt: skip
@option(
    "--format", "form", type=click.Choice(FORMS), show_default="parquet", help="Write the parts of a folder like this."
)
@option(
    "--model", metavar="TAG", show_default="the current one", help="Score with this model, name:version.",
    shell_complete=complete_tags,
)  # fmt: skip
@option("--keep", multiple=True, metavar="COLUMN", help="Carry this column along. May be repeated.")
@option("--explain", is_flag=True, help="Add what each probability rests on: summary and reasons.")
@option(
    "--rank", is_flag=True,
    help="Add rank (1 is the highest probability; equal ones share the best) and tenth. Reads the input twice.",
)  # fmt: skip
@option(
    "--on-error", type=click.Choice(("refuse", "skip")), default="refuse",
    help="Where rows cannot be scored, refuse all, or set them aside.",
)  # fmt: skip
@option(
    "--rejects", type=OutputFile(".csv"), metavar="FILE",
    show_default="OUT's name with .rejects.csv, or _rejects.csv in the folder",
    help="Write the rows that are set aside to this CSV file.",
)  # fmt: skip
@option("--resume", is_flag=True, help="Go on after the parts that are whole, in a folder.")
@option("--journal", is_flag=True, help="Record each row in the prediction journal, as the service does.")
@option("--engine", type=click.Choice(("local", "ray")), default="local", help="Score in this process, or by Ray.")
@option("--address", metavar="ADDRESS", show_default="one of this machine, for the run", help="Use this Ray cluster.")
def score(**given: Any) -> int:
    """Score all customers of a file, a folder or a pattern.

    IN is a CSV, Parquet or Arrow file, a folder of such, or a pattern like 'base/*.csv'.
    """
    options = Options(**given)
    options.check()
    settings = read_settings()
    if options.engine == "ray":
        from churn.scoring.ray_engine import run_ray

        return run_ray(options, settings)
    from churn import console

    with console.phase("starting"):
        from churn.scoring.files.run import run

    return run(options, settings)
