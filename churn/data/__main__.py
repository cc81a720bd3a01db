"""Command line of the data tools, `python -m churn.data generate`: simulated customers of a known process."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from churn.cli import DONE, add_version, run_command
from churn.data.simulation import write_simulated


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def main(arguments: Sequence[str] | None = None, prog: str = "python -m churn.data") -> int:
    """Run the command; returns its exit code: 0 done, 2 bad usage, 130 interrupted."""
    parser = _Parser(prog=prog, description="Training data for the churn model.")
    add_version(parser)
    commands = parser.add_subparsers(required=True, metavar="generate")
    generate = commands.add_parser("generate", help="write simulated customers of a known process")
    generate.add_argument("--rows", type=int, required=True, help="how many customers, 1 or more")
    generate.add_argument("--seed", type=int, default=42, help="same seed, same customers (default 42)")
    generate.add_argument("--out", type=Path, required=True, help="file to write, .csv or .parquet; replaced if there")
    options = parser.parse_args(arguments)

    def command() -> int:
        write_simulated(options.rows, options.seed, options.out)
        sys.stdout.write(f"wrote {options.rows:,} rows of seed {options.seed} to {options.out}\n")
        return DONE

    return run_command(prog, command, "interrupted, nothing written")


if __name__ == "__main__":
    sys.exit(main())
