"""Command line of schemas, `python -m churn.schema`: infer, check, diff.

Exit codes: 0 done; 2 bad usage, a file or a schema that cannot be used; 3 `diff` found what would break clients;
1 only for a crash.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from churn.cli import DONE, FOUND, add_version, run_command
from churn.data.dataset import Dataset, read_dataset
from churn.data.inference.proposal import propose_schema
from churn.schema.difference import differences
from churn.schema.reading import default_schema, read_schema
from churn.schema.record import MISSING_CATEGORY
from churn.settings import read_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parse(arguments)
    return run_command("churn.schema", lambda: int(options.run(options)))


def _infer(options: argparse.Namespace) -> int:
    proposal = propose_schema(options.file, options.target)
    for note in proposal.notes:
        _say(note)
    # Bytes: a schema is UTF-8, whatever the terminal is.
    sys.stdout.buffer.write(proposal.toml.encode())
    return DONE


def _check(options: argparse.Namespace) -> int:
    path = options.schema or default_schema(read_settings().home)
    dataset = read_dataset(options.file, read_schema(path), tell=_say)
    sys.stdout.write("\n".join([f"{options.file} keeps to {path}", *_facts(dataset)]) + "\n")
    return DONE


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _facts(dataset: Dataset) -> list[str]:
    facts = [f"{dataset.rows:,} rows, of {dataset.target.mean():.1%} the customer left"]
    for feature in dataset.schema.feature:
        column = dataset.frame[feature.name]
        missing = int((column == MISSING_CATEGORY).sum() if feature.is_category else column.isna().sum())
        if missing:
            facts.append(f"{feature.name}: {missing:,} missing ({missing / dataset.rows:.1%})")
    return facts


def _diff(options: argparse.Namespace) -> int:
    found = differences(read_schema(options.old), read_schema(options.new))
    for difference in found:
        sys.stdout.write(f"{'breaks clients: ' if difference.breaking else ''}{difference.text}\n")
    if not found:
        sys.stdout.write("clients would notice nothing\n")
    return FOUND if any(difference.breaking for difference in found) else DONE


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m churn.schema",
        description="The schema of your table of customers; docs/schema.md has its format.",
        epilog="exit codes: 0 done, 2 bad usage or a file that cannot be used, 3 diff: clients would break, 1 crash",
    )
    add_version(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str, detail: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=f"{text}. {detail}")
        added.set_defaults(run=run)
        return added

    infer = command(
        "infer",
        _infer,
        "propose a schema for a file, on standard output",
        "On standard error: what you should know of the file. Lines with `# look:` are for you to decide.",
    )
    infer.add_argument(
        "file", type=Path, metavar="FILE", help="CSV, Parquet, or a folder of Parquet files, of any size"
    )
    infer.add_argument("--target", metavar="COLUMN", help="the column that says who left (default: recognised)")
    check = command("check", _check, "validate a file against a schema", "Exit code 2 with what is wrong, and where.")
    check.add_argument("file", type=Path, metavar="FILE", help="CSV or Parquet")
    text = "schema file (default: $CHURN_HOME/schema.toml, or else the bundled one)"
    check.add_argument("--schema", type=Path, metavar="SCHEMA", help=text)
    diff = command(
        "diff",
        _diff,
        "say what clients would notice of another schema",
        "Exit code 3 if requests that the old schema accepts may be refused by the new one, else 0.",
    )
    diff.add_argument("old", type=Path, metavar="OLD", help="schema file")
    diff.add_argument("new", type=Path, metavar="NEW", help="schema file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
