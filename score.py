"""Scoring of files by its old name: `python score.py` is `churn score` (churn/commands/score.py)."""

import sys
from collections.abc import Sequence

from churn.cli import run
from churn.commands.score import score


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run(score, "score.py", arguments)


if __name__ == "__main__":
    sys.exit(main())
