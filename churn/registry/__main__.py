"""`python -m churn.registry`, the old name of `churn registry` (churn/commands/registry)."""

import sys
from collections.abc import Sequence

from churn.cli import run
from churn.commands.registry import registry


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run(registry, "python -m churn.registry", arguments)


if __name__ == "__main__":
    sys.exit(main())
