"""The command `churn schema`, also `python -m churn.schema`: infer, check, diff."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from churn import cli
from churn.cli import option
from churn.option_types import FILE

if TYPE_CHECKING:
    from churn.data.dataset import Dataset

EXIT_CODES = {
    cli.DONE: "Done. For diff: requests of clients go on being accepted.",
    cli.BAD_INPUT: "An option, a file or a schema cannot be used.",
    cli.FOUND: "For diff: requests that the old schema accepts may be refused by the new one.",
} | cli.ANY_COMMAND


@click.group(cls=cli.Group, context_settings=cli.settings(EXIT_CODES))
@cli.version_option
def schema() -> int:
    """Propose, check and compare schemas of tables.

    The format of a schema: docs/schema.md.
    """
    return cli.DONE


@schema.command()
@click.argument("file", type=FILE)
@option("--target", metavar="COLUMN", show_default="recognised", help="The column that says who left.")
def infer(file: Path, target: str | None) -> int:
    """Propose a schema for a file, on standard output.

    FILE is CSV, Parquet, or a folder of Parquet files, of any size. Standard error says what you should know of it.
    Lines with `# look:` are for you to decide.
    """
    from churn.data.inference.proposal import propose_schema

    proposal = propose_schema(file, target)
    for note in proposal.notes:
        _say(note)
    # Bytes: a schema is UTF-8, whatever the terminal is.
    sys.stdout.buffer.write(proposal.toml.encode())
    return cli.DONE


@schema.command()
@click.argument("file", type=FILE)
@option(
    "--schema", "schema_file", type=FILE, metavar="SCHEMA",
    show_default="$CHURN_HOME/schema.toml if there is one, else the bundled schema", help="The schema to keep to.",
)  # fmt: skip
def check(file: Path, schema_file: Path | None) -> int:
    """Validate a file, CSV or Parquet, against a schema."""
    from churn.data.dataset import read_dataset
    from churn.schema.reading import default_schema, read_schema
    from churn.settings import read_settings

    path = schema_file or default_schema(read_settings().home)
    dataset = read_dataset(file, read_schema(path), tell=_say)
    sys.stdout.write("\n".join([f"{file} keeps to {path}", *_facts(dataset)]) + "\n")
    return cli.DONE


@schema.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
def diff(old: Path, new: Path) -> int:
    """Say what clients would notice of another schema.

    OLD and NEW are schema files.
    """
    from churn.schema.difference import differences
    from churn.schema.reading import read_schema

    found = differences(read_schema(old), read_schema(new))
    for difference in found:
        sys.stdout.write(f"{'breaks clients: ' if difference.breaking else ''}{difference.text}\n")
    if not found:
        sys.stdout.write("clients would notice nothing\n")
    return cli.FOUND if any(difference.breaking for difference in found) else cli.DONE


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _facts(dataset: "Dataset") -> list[str]:
    from churn.schema.record import MISSING_CATEGORY

    facts = [f"{dataset.rows:,} rows, of {dataset.target.mean():.1%} the customer left"]
    for feature in dataset.schema.feature:
        column = dataset.frame[feature.name]
        missing = int((column == MISSING_CATEGORY).sum() if feature.is_category else column.isna().sum())
        if missing:
            facts.append(f"{feature.name}: {missing:,} missing ({missing / dataset.rows:.1%})")
    return facts
