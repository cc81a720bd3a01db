"""Training report in the terminal: metrics, each rule of the gate, and the outcome."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from churn.evaluation import Metric
from churn.training.gate import Verdict
from churn.training.paired_bootstrap import ChampionComparison


@dataclass(frozen=True)
class Outcome:
    """What became of a candidate.

    Attributes:
        tag: under which it is saved.
        promoted: whether it is the current model now.
        forced: why it was promoted against the verdict; None where it was not asked for.
        schema_change: why it was not promoted, where that is for its schema.

    """

    tag: str
    promoted: bool
    forced: str | None = None
    schema_change: str | None = None


def print_report(metrics: Mapping[str, Metric], verdict: Verdict, outcome: Outcome) -> None:
    """Print the report on standard output, in colour when that is a terminal."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120, highlight=False)
    tag = outcome.tag
    console.print(_metrics_table(tag, metrics))
    if verdict.comparison.log_loss is not None:
        console.print(_champion_table(tag, verdict.comparison))
    console.print(_gate_table(verdict))
    if verdict.comparison.problem is not None:
        console.print(
            f"not compared with the current model: {verdict.comparison.problem}", markup=False, soft_wrap=True
        )
    console.print(_conclusion(outcome, verdict), markup=False, soft_wrap=True)


def _metrics_table(tag: str, metrics: Mapping[str, Metric]) -> Table:
    table = Table("metric", title=f"{tag}, evaluated on rows it has not seen", title_justify="left")
    for column in ("figure", "95 % from", "to"):
        table.add_column(column, justify="right")
    for name, metric in metrics.items():
        table.add_row(name, *(f"{value:.4f}" for value in metric))
    return table


def _champion_table(tag: str, comparison: ChampionComparison) -> Table:
    left_out = f"; {comparison.left_out:,} rows left out, the champion may be fitted on them" * bool(
        comparison.left_out
    )
    title = f"{tag} beside the champion {comparison.tag} on {comparison.rows:,} rows{left_out}"
    table = Table("", title=title, title_justify="left")
    for column in ("rows", "champion", "candidate", "difference", "at least", "at most"):
        table.add_column(column, justify="right")
    for name, found in (("log_loss", comparison.log_loss), ("roc_auc", comparison.roc_auc)):
        if found is not None:
            figures = f"{found.champion:.4f}", f"{found.candidate:.4f}"
            differences = (found.candidate - found.champion, found.low, found.high)
            table.add_row(name, f"{comparison.rows:,}", *figures, *(f"{value:+.4f}" for value in differences))
    for segment in comparison.segments:
        name = f"log_loss of {segment.feature} {segment.category}"
        table.add_row(name, f"{segment.rows:,}", "", "", f"{segment.difference:+.4f}", f"{segment.low:+.4f}", "")
    return table


def _gate_table(verdict: Verdict) -> Table:
    table = Table("rule", title="gate", title_justify="left")
    table.add_column("figure", justify="right")
    table.add_column("limit", justify="right")
    table.add_column("")
    table.add_column("meaning")
    for check in verdict.checks:
        passed = "[green]passed[/]" if check.passed else "[bold red]refused[/]"
        table.add_row(check.rule, f"{check.figure:.4f}", f"{check.limit:.4f}", passed, check.reason)
    return table


def _conclusion(outcome: Outcome, verdict: Verdict) -> str:
    tag = outcome.tag
    if outcome.schema_change is not None:
        return f"{outcome.schema_change}\nIt is kept in the registry; the current model is unchanged."
    failed = ", ".join(check.rule for check in verdict.checks if not check.passed)
    if verdict.passed:
        return f"{tag} passed the gate and is now the current model."
    if outcome.promoted:
        return f"{tag} was refused by the gate ({failed}) but promoted by force: {outcome.forced}"
    return (
        f"{tag} was refused by the gate ({failed}). It is kept in the registry; the current model is unchanged. "
        "Look at the data, or promote it all the same with --force-reason."
    )
