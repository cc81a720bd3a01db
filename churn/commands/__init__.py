"""The command line `churn`: one module a command, loaded when it is called.

churn train | serve | predict | score | drift | registry ... | schema ... | data ... | demo
"""

from churn.commands.group import churn


def main() -> None:
    """Run `churn`, and end with its exit code."""
    churn(prog_name="churn")
