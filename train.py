"""Train, evaluate, gate, save and promote a churn model: `python train.py --help`. The flow: `churn/training/run.py`.

Exit codes: 0 promoted; 3 refused by the gate or for its schema (the model is kept, the pointer untouched); 2 bad usage
or bad data; 1 only for a crash.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from churn.cli import VERSION, number, output_file, reason, run_command, whole_number
from churn.settings import read_settings
from churn.training.options import CAMPAIGN, Options, read_objective

THRESHOLDS = ("f1", "cost", "top")
MOST_MONEY = 1e12
ESTIMATORS = ("logistic", "hist-gradient-boosting")
INTERRUPTED = "interrupted; `python -m churn.registry list` says which model is current"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    given = vars(_parse(arguments))
    return run_command("train.py", lambda: _run(given), INTERRUPTED)


def _run(given: dict[str, Any]) -> int:
    objective = read_objective(given)
    rest = {name: value for name, value in given.items() if name not in (*CAMPAIGN, "threshold", "top")}
    # Imported here, so that `--help` and a wrong option answer at once: 0.1 s instead of 0.6.
    from churn import console

    with console.phase("starting"):
        from churn.training.run import run

    return run(Options(**rest, objective=objective), read_settings())


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="train.py",
        description="Train a churn model, evaluate and gate it, save it, and promote it if it passes.",
        epilog="exit codes: 0 promoted, 3 refused by the gate or for its schema, 2 bad usage or data, 1 crash",
    )
    option = parser.add_argument
    option(
        "--data", type=Path, metavar="FILE",
        help="CSV or Parquet to train on (default: $CHURN_HOME/data/churn.csv if there is one, else the bundled set)",
    )  # fmt: skip
    option(
        "--schema", type=Path, metavar="FILE",
        help="schema of the table (default: $CHURN_HOME/schema.toml if there is one, else the bundled one)",
    )  # fmt: skip
    option("--holdout", type=Path, metavar="FILE", help="evaluate on this file instead of out of fold")
    option("--model", dest="estimator", choices=ESTIMATORS, default="logistic", help="estimator (default: %(default)s)")
    option(
        "--version", nargs="?", const=True, metavar="v1",
        help="version of the stored model (default: the next free one); alone: print the software's and end",
    )  # fmt: skip
    option("--seed", type=whole_number(0, 2**32 - 1), default=42, help="of every random choice (default: %(default)s)")
    option(
        "--threshold", choices=THRESHOLDS, default="f1",
        help="what the threshold is chosen for: the best F1, the greatest expected profit (needs the next three), or a "
        "share of the customers (needs --top) (default: %(default)s)",
    )  # fmt: skip
    option("--contact-cost", type=number(0, MOST_MONEY), metavar="C", help="what contacting a customer costs")
    option("--customer-value", type=number(0, MOST_MONEY), metavar="V", help="what a customer is worth who stays")
    option("--success-rate", type=number(0, 1), metavar="S", help="chance that a contact keeps a leaving customer")
    option("--top", type=number(0, 1), metavar="SHARE", help="share of the customers to contact, such as 0.1")
    option("--gate-f1", type=number(0, 1), metavar="F1", help="F1 to reach (default: that of the schema, if any)")
    option(
        "--margin", type=number(0, 1), default=0.002, metavar="NATS",
        help="log loss that may be lost to the model in service (default: %(default)s)",
    )  # fmt: skip
    option("--force-reason", type=reason, metavar="TEXT", help="promote against the verdict; the reason is recorded")
    option(
        "--accept-schema-change", type=reason, metavar="REASON",
        help="promote although the service would refuse requests that it accepts now; the reason is recorded",
    )  # fmt: skip
    option("--report", type=output_file, metavar="FILE", help="write the model's report, one HTML page, there too")
    options = parser.parse_args(arguments)
    if options.version is True:
        sys.stdout.write(f"{VERSION}\n")
        parser.exit()
    return options


if __name__ == "__main__":
    sys.exit(main())
