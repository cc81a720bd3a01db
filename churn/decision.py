"""Decision threshold: what it is chosen for, and what decisions are worth in a campaign."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:  # at run time it would cost `churn train --help` the import of numpy
    import numpy as np
    import numpy.typing as npt

type Floats = npt.NDArray[np.float64]


class Counts(NamedTuple):
    """How many rows decisions are about, each [draws]: all, those that churned, those contacted, and both."""

    rows: Floats
    churners: Floats
    contacted: Floats
    reached: Floats


@dataclass(frozen=True)
class Campaign:
    """What a retention campaign costs and brings, in one currency.

    Attributes:
        contact_cost: of contacting a customer, 0 or more.
        customer_value: of a customer who stays instead of leaving, above 0.
        success_rate: chance, 0 to 1, that a contact keeps a customer who would have left.

    """

    contact_cost: float
    customer_value: float
    success_rate: float

    @property
    def break_even(self) -> float:
        """The probability of churn from which a contact pays, 0 to 1 where any contact can (Elkan 2001)."""
        return self.contact_cost / (self.success_rate * self.customer_value)

    def profit(self, churners: Floats, contacted: Floats) -> Floats:
        """Profit of contacting so many customers, of whom so many would have left."""
        return churners * (self.success_rate * self.customer_value) - contacted * self.contact_cost

    def mean_profit(self, counts: Counts) -> Floats:
        """[draws] profit per row of the decisions."""
        return self.profit(counts.reached, counts.contacted) / counts.rows

    def mean_profit_of_all(self, counts: Counts) -> Floats:
        """[draws] profit per row of contacting everybody."""
        return self.profit(counts.churners, counts.rows) / counts.rows


@dataclass(frozen=True)
class Objective:
    """What the threshold is chosen for.

    Attributes:
        name: `f1`: the best F1; `cost`: the greatest expected profit; `top`: a share of the customers.
        campaign: the figures of `cost`.
        share: the share of `top`, above 0 and below 1.

    """

    name: Literal["f1", "cost", "top"] = "f1"
    campaign: Campaign | None = None
    share: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """For card, metadata and report: only what applies, flat."""
        figures = asdict(self.campaign) if self.campaign else {}
        return {"objective": self.name, **figures, **({"share": self.share} if self.share is not None else {})}


F1 = Objective()
