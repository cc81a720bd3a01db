"""`python -m churn.data`, the old name of `churn data` (churn/commands/data)."""

import sys
from collections.abc import Sequence

from churn.cli import run
from churn.commands.data import data


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run(data, "python -m churn.data", arguments)


if __name__ == "__main__":
    sys.exit(main())
