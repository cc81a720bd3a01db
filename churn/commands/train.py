"""The command `churn train`, also `python train.py`: its options. The flow: `churn/training/run.py`."""

import sys
from typing import Any

import click

from churn import cli
from churn.cli import option
from churn.option_types import FILE, Number, OutputFile, Reason, WholeNumber

EXIT_CODES = {
    cli.DONE: "The model was promoted.",
    cli.BAD_INPUT: "An option, a setting or the data cannot be used. Nothing was saved.",
    cli.FOUND: "The model was refused, by the gate or for its schema. It is kept, and not served.",
} | cli.ANY_COMMAND
THRESHOLDS = ("f1", "cost", "top")
ESTIMATORS = ("logistic", "hist-gradient-boosting")
MONEY = Number(0, 1e12)
SHARE = Number(0, 1)
_INTERRUPTED = "interrupted; `churn registry list` says which model is current"
_ALONE = cli.VERSION
"""What `--version` without a value stands for: no version of a model has a space."""


def _print_version(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    if value == _ALONE and not ctx.resilient_parsing:
        sys.stdout.write(f"{cli.VERSION}\n")
        ctx.exit()
    return value


@click.command(cls=cli.Command, context_settings=cli.settings(EXIT_CODES, _INTERRUPTED))
@option(
    "--data", type=FILE, metavar="FILE",
    show_default="$CHURN_HOME/data/churn.csv if there is one, else the bundled table",
    help="Train on this CSV or Parquet file.",
)  # fmt: skip
@option(
    "--schema", type=FILE, metavar="FILE",
    show_default="$CHURN_HOME/schema.toml if there is one, else the bundled schema",
    help="Read the table by this schema.",
)  # fmt: skip
@option(
    "--holdout", type=FILE, metavar="FILE", show_default="rows of --data that the model has not seen",
    help="Evaluate the model on this file.",
)  # fmt: skip
@option("--model", "estimator", type=click.Choice(ESTIMATORS), default="logistic", help="Fit this kind of model.")
@option(
    "--version", is_flag=False, flag_value=_ALONE, callback=_print_version, metavar="[v1]",
    show_default="the next free one of v1, v2, ...",
    help="Store the model as this version. Without a value: print the software's version.",
)  # fmt: skip
@option("--seed", type=WholeNumber(0, 2**32 - 1), default=42, metavar="N", help="Seed of every random choice.")
@option(
    "--threshold", type=click.Choice(THRESHOLDS), default="f1",
    help="Choose the decision threshold for the best F1, for the greatest expected profit (cost: give the next three), "
    "or for a share of the customers (top: give --top).",
)  # fmt: skip
@option("--contact-cost", type=MONEY, metavar="COST", help="To contact a customer costs so much.")
@option("--customer-value", type=MONEY, metavar="VALUE", help="A customer who stays is worth so much.")
@option("--success-rate", type=SHARE, metavar="RATE", help="A contact keeps a leaving customer at this chance.")
@option("--top", type=SHARE, metavar="SHARE", help="Contact this share of the customers, such as 0.1.")
@option(
    "--gate-f1", type=SHARE, metavar="F1", show_default="that of the schema, if it has one",
    help="Refuse a model whose F1 is lower.",
)  # fmt: skip
@option(
    "--margin", type=SHARE, default=0.002, metavar="NATS",
    help="Refuse a model whose log loss is worse than that of the current model by more.",
)  # fmt: skip
@option("--force-reason", type=Reason(), metavar="TEXT", help="Promote whatever the gate says. The text is recorded.")
@option(
    "--accept-schema-change", type=Reason(), metavar="TEXT",
    help="Promote although the service would refuse requests that it accepts now. The text is recorded.",
)  # fmt: skip
@option("--report", type=OutputFile(), metavar="FILE", help="Write the report of the model, one HTML page, there too.")
def train(**given: Any) -> int:
    """Train, evaluate and gate a model, and promote it if it passes."""
    from churn import console
    from churn.settings import read_settings
    from churn.training.options import CAMPAIGN, Options, read_objective

    objective = read_objective(given)
    rest = {name: value for name, value in given.items() if name not in (*CAMPAIGN, "threshold", "top")}
    with console.phase("starting"):
        from churn.training.run import run

    return run(Options(**rest, objective=objective), read_settings())
