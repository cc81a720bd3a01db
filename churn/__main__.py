"""`python -m churn`: the command line where `churn` is not on PATH."""

from churn.commands import main

main()
