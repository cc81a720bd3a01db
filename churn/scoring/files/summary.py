"""Summary of a run, on standard output: counts, tenths, and what a campaign could expect."""

from rich.console import Console

from churn.decision import Campaign
from churn.model.scorer import Scorer
from churn.scoring.files.destination import Destination
from churn.scoring.files.tally import Tally
from churn.text_layout import facts, hanging_table

_PIPE_WIDTH = 80
_HEADER = ("tenth", "rows", "mean probability", "lowest")


def campaign_of(scorer: Scorer) -> Campaign | None:
    """The campaign that the model's threshold was chosen for; None where it was chosen for something else."""
    decision = scorer.card.get("decision")
    if not isinstance(decision, dict) or decision.get("objective") != "cost":
        return None
    return Campaign(decision["contact_cost"], decision["customer_value"], decision["success_rate"])


def print_summary(tally: Tally, destination: Destination, scorer: Scorer, seconds: float, *, skip: bool) -> None:
    """Print what was scored, decided and set aside, the tenths, and how long it took.

    Args:
        tally: of the rows.
        destination: where they are.
        scorer: the model.
        seconds: the whole run, its start included.
        skip: whether rows were set aside, or would have been refused.

    """
    console = Console()
    width = console.width if console.is_terminal else _PIPE_WIDTH
    rows = [
        ("model", scorer.tag),
        ("scored", f"{tally.scored:,} rows in {seconds:.1f} s ({tally.read / seconds:,.0f} rows/s)"),
        *([("set aside", f"{tally.rejected:,} rows, in {destination.rejects}")] if skip or tally.rejected else []),
        ("at the threshold or above", _decisions(tally)),
        ("mean probability", f"{tally.mean:.4f}"),
        *_profit(tally, campaign_of(scorer)),
    ]
    tenths = [
        (f"{each.number:>5}", f"{each.rows:>12,}", f"{each.mean:>16.4f}", f"{each.lowest:>8.4f}")
        for each in tally.tenths()
    ]
    header = tuple(name.rjust(size) for name, size in zip(_HEADER, (5, 12, 16, 8), strict=True))
    lines = [*facts(rows, width), "", *hanging_table([header, *tenths], width), "", f"written to {destination.path}"]
    # As it stands: Rich would break a long tag, and take the `:new:` of `name:new:` for an emoji.
    console.print("\n".join(lines), markup=False, highlight=False, emoji=False, soft_wrap=True)


def _decisions(tally: Tally) -> str:
    share = tally.decisions / tally.scored
    return f"{tally.decisions:,} rows ({share:.1%}); the threshold is {tally.threshold:.4f}"


def _profit(tally: Tally, campaign: Campaign | None) -> list[tuple[str, str]]:
    if campaign is None:
        return []
    profit = tally.expected_profit(campaign)
    figures = (
        f"a contact costs {campaign.contact_cost:,.12g} and keeps {campaign.success_rate:.0%} of those leaving, "
        f"each worth {campaign.customer_value:,.12g}"
    )
    return [("expected profit", f"{profit:,.2f} of contacting those: {figures}")]
