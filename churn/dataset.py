"""`python -m churn.dataset`, the oldest name of `churn data`, which scripts may still use."""

import sys

from churn.cli import run
from churn.commands.data import data

if __name__ == "__main__":
    sys.exit(run(data, "python -m churn.dataset"))
