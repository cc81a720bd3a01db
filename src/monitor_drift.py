"""Drift detection by the name of the lab: drift.py, with its options and exit codes (docs/lab.md).

The image has this file in the folder of drift.py, the checkout in the one below.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from drift import main

if __name__ == "__main__":
    sys.exit(main(name="monitor_drift.py"))
