"""Drift detection by its old name: `python drift.py` is `churn drift` (churn/commands/drift.py)."""

import sys
from collections.abc import Sequence

from churn.cli import run
from churn.commands.drift import drift


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run(drift, "drift.py", arguments)


if __name__ == "__main__":
    sys.exit(main())
