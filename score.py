"""Score files of customers: `python score.py --help`. The flow: `churn/scoring/files/run.py`.

Exit codes: 0 all rows scored, or with `--on-error skip` those that can be; 2 bad usage or input, or an output that
cannot be written; 4 no model; 1 only for a crash.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from churn.cli import add_version, output_file, run_command
from churn.scoring.files.options import FORMS, Options
from churn.settings import read_settings

INTERRUPTED = "interrupted; no file was written, but whole parts of a folder stay: `--resume` goes on after them"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    given = vars(_parse(arguments))
    return run_command("score.py", lambda: _run(given), INTERRUPTED)


def _run(given: dict[str, Any]) -> int:
    options = Options(**given | {"keep": tuple(given["keep"])})
    options.check()
    settings = read_settings()
    # Imported here, so that `--help` and a wrong option answer at once: 0.1 s instead of 0.5.
    if options.engine == "ray":
        from churn.scoring.ray_engine import run_ray

        return run_ray(options, settings)
    from churn import console

    with console.phase("starting"):
        from churn.scoring.files.run import run

    return run(options, settings)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="score.py",
        description="Score all customers of a file, a folder or a pattern, by the current model.",
        epilog="exit codes: 0 scored (with --on-error skip those that can be), 2 bad usage or input or an output that "
        "cannot be written, 4 no model, 1 crash",
    )
    add_version(parser)
    option = parser.add_argument
    option("given", metavar="IN", help="CSV, Parquet or Arrow file, a folder of such, or a pattern like 'base/*.csv'")
    option(
        "--out", required=True, metavar="OUT",
        help="file that ends in .parquet, .csv or .arrow; or a folder of parts, whose name ends in /",
    )  # fmt: skip
    option("--format", dest="form", choices=FORMS, help="of the parts of a folder (default: parquet)")
    option("--model", metavar="TAG", help="model, name:version (default: the current one)")
    option("--keep", action="append", default=[], metavar="COLUMN", help="carry this column along; may be repeated")
    option("--explain", action="store_true", help="add what each probability rests on: summary and reasons")
    option(
        "--rank", action="store_true",
        help="add rank (1: the highest probability; equal ones share the best) and tenth; reads the input twice",
    )  # fmt: skip
    option(
        "--on-error", choices=("refuse", "skip"), default="refuse",
        help="what to do with rows that cannot be scored: refuse all, or set them aside (default: %(default)s)",
    )  # fmt: skip
    option(
        "--rejects", type=output_file, metavar="FILE",
        help="CSV file for the rows that are set aside (default: OUT's name with .rejects.csv, or _rejects.csv in it)",
    )  # fmt: skip
    option("--resume", action="store_true", help="go on after the parts that are whole, in a folder")
    option("--journal", action="store_true", help="record each row in the prediction journal, as the service does")
    option("--engine", choices=("local", "ray"), default="local", help="what scores (default: %(default)s)")
    option("--address", metavar="ADDRESS", help="of a Ray cluster (default: one of this machine, for the run)")
    options = parser.parse_args(arguments)
    if isinstance(options.rejects, Path) and options.rejects.suffix.lower() != ".csv":
        parser.error(f"--rejects {options.rejects}: its name must end in .csv")
    return options


if __name__ == "__main__":
    sys.exit(main())
