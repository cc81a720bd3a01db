"""`python -m churn.schema`, the old name of `churn schema` (churn/commands/schema)."""

import sys
from collections.abc import Sequence

from churn.cli import run
from churn.commands.schema import schema


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run(schema, "python -m churn.schema", arguments)


if __name__ == "__main__":
    sys.exit(main())
