"""Drift detection by its old name: `python drift.py` is `churn drift` (churn/commands/drift.py)."""

import sys
from collections.abc import Sequence

from churn.cli import run
from churn.commands.drift import drift


def main(arguments: Sequence[str] | None = None, name: str = "drift.py") -> int:
    """Run the command, called by this name; returns its exit code."""
    return run(drift, name, arguments)


if __name__ == "__main__":
    sys.exit(main())
