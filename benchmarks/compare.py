"""`make bench`: this service beside what one would pick instead, on the same core, under the same load.

One server at a time, pinned to core 0; the load generator, wrk with one thread and 16 connections, pinned to core 1.
All servers are started once and warmed up; rounds are interleaved, so that a slow minute of the machine hits all, and
ratios are taken round by round. A server that works while nobody asks it anything (Ray) has rounds with ours alone,
after the others, and is stopped while ours is measured. Every answer's probability is compared with the model's own: no
ratio is given where a server answered wrongly or with an error.

Another table is measured beside the bundled one with `--table`; `churn schema infer telco.csv > telco.toml` makes its
schema. Results go to results/local/, with `--publish` over the committed ones, into README.md too.
"""

import argparse
import contextlib
import datetime as dt
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import chart
import machine
import report
import results
from contestants import contestants, empty_bento, installed
from places import HERE, LOAD_CORE, ROOT
from results import Measured, Results
from rounds import enter, expected_digits, measure
from stage import Stage
from table import BUNDLED, Table
from workers import measure_two_workers

PUBLISHED = HERE / "results"
LOCAL = PUBLISHED / "local"  # not committed


def main() -> None:
    """Measure, print the tables, write comparison.json and comparison.svg."""
    options = _options()
    if options.redraw:
        _publish(results.read(PUBLISHED / "comparison.json"))
        return
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing; on Debian: apt-get install wrk")
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("two cores are needed: one for the server, one for the load generator")
    os.sched_setaffinity(0, {int(LOAD_CORE)})  # this process is a client too; the servers have a core of their own
    found = _compare(options)
    print(report.tables(found))
    LOCAL.mkdir(parents=True, exist_ok=True)
    _write(found, LOCAL)
    (LOCAL / "comparison.md").write_text(report.tables(found) + "\n")
    print(f"\nwritten to {LOCAL.relative_to(ROOT)}; --publish replaces the committed results")
    if found.faulty():
        raise SystemExit(f"no ratios: errors or wrong probabilities from {', '.join(found.faulty())}")
    if options.publish:
        _write(found, PUBLISHED)
        _publish(results.read(PUBLISHED / "comparison.json"))  # as rounded there, so that both say the same


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=3, help="of load, a server and round")
    parser.add_argument(
        "--table",
        nargs=2,
        type=Path,
        action="append",
        default=[],
        metavar=("SCHEMA", "DATA"),
        help="measure this one too; each feature of the schema needs an example",
    )
    parser.add_argument("--publish", action="store_true", help="replace the committed results, not only those beside")
    parser.add_argument("--redraw", action="store_true", help="measure nothing: chart and tables anew")
    return parser.parse_args()


def _write(found: Results, folder: Path) -> None:
    results.write(found, folder / "comparison.json")
    (folder / "comparison.svg").write_text(chart.draw(found))


def _publish(found: Results) -> None:
    (PUBLISHED / "comparison.svg").write_text(chart.draw(found))
    page = HERE / "README.md"
    page.write_text(report.fill(page.read_text(), found))


def _compare(options: argparse.Namespace) -> Results:
    facts, date = machine.facts(), dt.datetime.now(dt.UTC).date().isoformat()
    tables = [BUNDLED, *(Table(schema, data) for schema, data in options.table)]
    with tempfile.TemporaryDirectory(prefix="churn-bench-") as folder:
        stages = [Stage(table, Path(folder) / str(number)) for number, table in enumerate(tables)]
        _refuse_missing(stages[0], publish=options.publish)
        found = [measure(stage, options.rounds, options.seconds) for stage in stages]
        return Results(date, facts, options.rounds, options.seconds, found, *_alone(stages[0], options.seconds))


def _refuse_missing(stage: Stage, *, publish: bool) -> None:
    missing = [contestant.name for contestant in contestants(stage) if not installed(contestant)]
    if missing:
        print(f"left out, for want of their environments, which make bench makes: {', '.join(missing)}")
    if missing and publish:
        raise SystemExit("published results hold every server")


def _alone(stage: Stage, seconds: int) -> tuple[Measured, dict[str, Any]]:
    """What BentoML itself needs, and what a second worker brings."""
    os.environ.update(stage.environment)
    empty, own = empty_bento(stage), contestants(stage)[0]
    with contextlib.ExitStack() as stack:
        server = enter(stack, empty, stage)
        release = machine.version(empty.python, empty.package)
        measured = Measured(empty.name, release, server.ready_seconds, server.pss_mib())
    with contextlib.ExitStack() as stack:
        expected = expected_digits(enter(stack, own, stage))
    return measured, measure_two_workers(own, stage.folder, expected, seconds)


if __name__ == "__main__":
    main()
