"""`python src/train.py`, as in a pod: train.py of the folder above."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from train import main

if __name__ == "__main__":
    sys.exit(main())
