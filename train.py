"""Training by its old name: `python train.py` is `churn train` (churn/commands/train.py)."""

import sys
from collections.abc import Sequence

from churn.cli import run
from churn.commands.train import train


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run(train, "train.py", arguments)


if __name__ == "__main__":
    sys.exit(main())
