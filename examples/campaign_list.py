"""Campaign list for marketing, from the output of `churn score`: whom to contact, what it should bring, and why.

python examples/campaign_list.py scores.parquet --out campaign.csv --best 500 --contact-cost 20 --customer-value 500
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

_SCORED = ("probability", "prediction")
_OF_THE_MODEL = {*_SCORED, "model_version", "warnings", "summary", "reasons", "rank", "tenth"}


def campaign_list(scores: pd.DataFrame, options: argparse.Namespace) -> pd.DataFrame:
    """The customers to contact, the highest expected profit first.

    A contact costs `contact_cost` and keeps a customer who would leave, worth `customer_value`, with a chance of
    `success_rate`. So it is expected to bring probability x success_rate x customer_value - contact_cost.
    """
    value = options.customer_value * _of_each(scores, options.value_column)
    listed = pd.DataFrame(index=scores.index)
    for column in scores.columns.difference([*_OF_THE_MODEL], sort=False):
        listed[column] = scores[column]
    if listed.empty or not listed.iloc[:, 0].is_unique:  # nothing that names a customer: the row of the scores does
        listed.insert(0, "row", range(1, len(listed) + 1))
    listed["probability"] = scores["probability"].round(4)
    listed["expected_profit"] = (scores["probability"] * options.success_rate * value - options.contact_cost).round(2)
    if "summary" in scores:
        listed["why"] = scores["summary"].map("; ".join)
    if options.best is None:
        chosen = listed[scores["prediction"] == 1]
    else:
        chosen = listed[listed["expected_profit"] > 0].nlargest(options.best, "expected_profit")
    return chosen.sort_values("expected_profit", ascending=False, kind="stable")


def _of_each(scores: pd.DataFrame, column: str | None) -> "pd.Series[float] | float":
    """What each customer's value is multiplied with; a field that holds no number counts as 0."""
    return 1.0 if column is None else pd.to_numeric(scores[column], errors="coerce").fillna(0.0)


def main() -> None:
    """Read the scores, write the list, and say what it should bring."""
    options = _parse()
    try:
        scores = pd.read_parquet(options.scores)
    except (OSError, ValueError) as error:
        sys.exit(f"campaign_list.py: {options.scores} cannot be read as Parquet: {error}")
    needed = [*_SCORED, *([options.value_column] if options.value_column else [])]
    if missing := [column for column in needed if column not in scores]:
        sys.exit(
            f"campaign_list.py: {options.scores} has no column {missing[0]!r}; `churn score --keep` carries one along"
        )
    chosen = campaign_list(scores, options)
    chosen.to_csv(options.out, index=False)
    profit = chosen["expected_profit"].sum()
    print(f"{len(chosen):,} of {len(scores):,} customers, expected to bring {profit:,.2f}; written to {options.out}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="campaign_list.py", description=__doc__.partition("\n")[0])
    option = parser.add_argument
    option("scores", type=Path, help="Parquet file or folder that `churn score` wrote")
    option("--out", type=Path, required=True, help="CSV file to write")
    option("--best", type=int, metavar="N", help="the N of highest expected profit (default: all whom the model flags)")
    option("--contact-cost", type=float, default=20.0, help="of one contact (default: %(default)s)")
    option("--customer-value", type=float, default=500.0, help="of a customer who stays (default: %(default)s)")
    option("--success-rate", type=float, default=0.3, help="chance that a contact keeps one (default: %(default)s)")
    option("--value-column", metavar="COLUMN", help="column with which the value is multiplied, as MonthlyCharges")
    return parser.parse_args()


if __name__ == "__main__":
    main()
