"""`python src/drift.py`, as in a pod: drift.py of the folder above."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from drift import main

if __name__ == "__main__":
    sys.exit(main())
