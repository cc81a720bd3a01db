"""Training report in the terminal: metrics, each rule of the gate, and the outcome.

Tables fit into 80 columns and sentences are wrapped at spaces, so that no number and no tag is broken; a tag that is
longer has a line of its own.
"""

import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from churn.decision import Campaign, Objective
from churn.evaluation import Evaluation, Metric
from churn.training.gate import Verdict
from churn.training.paired_bootstrap import ChampionComparison

WIDTH = 80
_CUSTOMERS = 1000
"""For how many customers the expected profit is told."""


@dataclass(frozen=True)
class Chosen:
    """The threshold and how it was chosen.

    Attributes:
        objective: what it was chosen for.
        threshold: `probability >= threshold` predicts churn.
        gate_f1: the F1 that the schema or the user asks for; None where neither does.

    """

    objective: Objective
    threshold: float
    gate_f1: float | None


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


def print_report(evaluation: Evaluation, verdict: Verdict, chosen: Chosen, outcome: Outcome) -> None:
    """Print the report on standard output, in colour when that is a terminal."""
    page = _Page()
    page.say(f"{outcome.tag}, evaluated on rows that it has not seen:")
    page.show(_metrics_table(evaluation.metrics))
    for sentence in _decision(evaluation, chosen):
        page.say(sentence)
    _print_comparison(page, verdict.comparison)
    page.say("The gate asks:")
    page.show(_gate_table(verdict))
    if chosen.objective.name != "f1" and chosen.gate_f1 is not None:
        page.say(
            f"The F1 of {chosen.gate_f1:g} that the schema asks for is not asked of this threshold, which is "
            "not chosen for F1."
        )
    page.say(_conclusion(outcome, verdict))


class _Page:
    """Standard output; nothing on it is cut, where the terminal is narrower too."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else WIDTH, highlight=False)

    def say(self, sentences: str) -> None:
        """Print sentences, wrapped at spaces; a longer word has a line of its own."""
        whole = textwrap.TextWrapper(self._console.width, break_long_words=False, break_on_hyphens=False)
        self._console.print("\n".join(map(whole.fill, sentences.splitlines())), markup=False, soft_wrap=True)

    def show(self, table: Table) -> None:
        """Print a table, whose first column takes what the figures leave."""
        self._console.print(table, width=max(self._console.width, WIDTH), crop=False)


def _metrics_table(metrics: Mapping[str, Metric]) -> Table:
    table = _table("metric", "figure", "95 % from", "to")
    for name, metric in metrics.items():
        table.add_row(name, *(f"{value:.4f}" for value in metric))
    return table


def _table(name: str, *figures: str) -> Table:
    """A table whose rows have a name and figures."""
    table = Table()
    table.add_column(name, overflow="fold")
    for figure in figures:
        table.add_column(figure, justify="right", no_wrap=True)
    return table


def _decision(evaluation: Evaluation, chosen: Chosen) -> list[str]:
    """How the threshold was chosen, what the alternative is, and what its decisions come to."""
    objective, threshold = chosen.objective, f"The threshold {chosen.threshold:.4f} is chosen out of fold"
    counts = evaluation.counts
    contacted = f"{float(counts.contacted[0] / counts.rows[0]):.1%} of the evaluated rows"
    if objective.campaign is not None:
        why = f"{threshold} for the greatest expected profit: {_campaign(objective.campaign)}"
        return [why, f"{_profit(evaluation, objective.campaign)} The threshold contacts {contacted}."]
    if objective.share is not None:
        return [f"{threshold} to contact a share of {objective.share:g} of the customers; it contacts {contacted}."]
    alternative = (
        "--threshold cost chooses the one with the greatest expected profit by the figures of your business, "
        "--threshold top the one that contacts a share of the customers."
    )
    return [f"{threshold} for the best F1, and contacts {contacted}; {alternative}"]


def _campaign(campaign: Campaign) -> str:
    return (
        f"a contact costs {_amount(campaign.contact_cost)} and keeps a customer who would leave, worth "
        f"{_amount(campaign.customer_value)}, with a chance of {campaign.success_rate:g}, so it pays from a churn rate "
        f"of {campaign.break_even:.4f} on."
    )


def _amount(value: float) -> str:
    return f"{value:,.12g}"


def _profit(evaluation: Evaluation, campaign: Campaign) -> str:
    value, low, high = (figure * _CUSTOMERS for figure in evaluation.expected_profit(campaign))
    of_all = float(campaign.mean_profit_of_all(evaluation.counts)[0]) * _CUSTOMERS
    return (
        f"Expected profit per {_CUSTOMERS:,} customers: {value:,.2f} (95 % from {low:,.2f} to {high:,.2f}); "
        f"contacting everybody: {of_all:,.2f}, nobody: 0."
    )


def _print_comparison(page: _Page, comparison: ChampionComparison) -> None:
    if comparison.problem is not None:
        page.say(f"Not compared with the current model: {comparison.problem.removesuffix('.')}.")
    if comparison.log_loss is None:
        return
    page.say(f"Beside the champion {comparison.tag}, on {comparison.rows:,} rows that it has not seen:")
    page.show(_champion_table(comparison))
    if comparison.left_out:
        page.say(
            f"{comparison.left_out:,} evaluated rows are left out of this comparison, because the champion was, or may "
            "have been, fitted on them."
        )
    if comparison.segments:
        page.say("Log loss in the segments, candidate less champion:")
        page.show(_segments_table(comparison))


def _champion_table(comparison: ChampionComparison) -> Table:
    table = _table("metric", "champion", "candidate", "difference", "at least", "at most")
    for name, found in (("log_loss", comparison.log_loss), ("roc_auc", comparison.roc_auc)):
        if found is not None:
            differences = (found.candidate - found.champion, found.low, found.high)
            figures = (f"{found.champion:.4f}", f"{found.candidate:.4f}", *(f"{value:+.4f}" for value in differences))
            table.add_row(name, *figures)
    return table


def _segments_table(comparison: ChampionComparison) -> Table:
    table = _table("segment", "rows", "difference", "at least", "at most")
    for segment in comparison.segments:
        differences = (segment.difference, segment.low, segment.high)
        name = Text(f"{segment.feature} {segment.category}")
        table.add_row(name, f"{segment.rows:,}", *(f"{value:+.4f}" for value in differences))
    return table


def _gate_table(verdict: Verdict) -> Table:
    table = _table("rule, and what was found", "figure", "limit")
    table.add_column("")
    for check in verdict.checks:
        passed = "[green]passed[/]" if check.passed else "[bold red]refused[/]"
        found = Text(f"{check.rule}\n{check.reason}")
        table.add_row(found, _figure(check.figure), f"{check.limit:.4f}", passed)
    return table


def _figure(value: float) -> str:
    """A figure of the gate; money may be large."""
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:,.0f}"


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
