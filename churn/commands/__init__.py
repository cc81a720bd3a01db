"""The command line `churn`: one module a command, loaded when it is called.

churn train | serve | predict | score | drift | registry ... | schema ... | data ... | demo | completion
"""

import sys

from click.shell_completion import add_completion_class

from churn.cli import run
from churn.commands.completion import Bash
from churn.commands.group import churn


def main() -> None:
    """Run `churn`, and end with its exit code."""
    add_completion_class(Bash)
    sys.exit(run(churn, "churn"))
