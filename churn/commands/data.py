"""The command `churn data`, also `python -m churn.data`: simulated customers of a known process."""

import sys
from pathlib import Path

import click

from churn import cli
from churn.cli import option
from churn.option_types import FILE

EXIT_CODES = {
    cli.DONE: "The file was written.",
    cli.BAD_INPUT: "An option cannot be used, or the file cannot be written.",
} | cli.ANY_COMMAND


@click.group(cls=cli.Group, context_settings=cli.settings(EXIT_CODES, "interrupted, nothing written"))
@cli.version_option
def data() -> int:
    """Make training data for trying things out."""
    return cli.DONE


@data.command()
@option("--rows", type=int, required=True, metavar="N", help="Write so many customers, 1 or more.")
@option("--seed", type=int, default=42, metavar="N", help="The same seed makes the same customers.")
@option(
    "--out", type=FILE, required=True, metavar="FILE",
    help="Write this file, .csv or .parquet. One that is there is replaced.",
)  # fmt: skip
def generate(rows: int, seed: int, out: Path) -> int:
    """Write simulated customers of a known process."""
    from churn.data.simulation import write_simulated

    write_simulated(rows, seed, out)
    sys.stdout.write(f"wrote {rows:,} rows of seed {seed} to {out}\n")
    return cli.DONE
