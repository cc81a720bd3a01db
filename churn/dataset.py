"""Former name of `python -m churn.data`, which scripts may still use."""

import sys

from churn.data.__main__ import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m churn.dataset"))
