"""`python -m churn.dataset`: the old name of `python -m churn.data`."""

import sys

from churn.data.__main__ import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m churn.dataset"))
