"""Summaries of distributions of numbers and of categories, small enough to be stored with a model."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.schema.record import MISSING_CATEGORY

MAX_VALUES = 1500
"""Distinct values up to which a summary is exact; beyond, as many quantiles: the distribution function is then
known at each of them exactly, and to 1/1,500 in between, at about 30 kB a feature."""
MAX_CATEGORIES = 1000

type Floats = npt.NDArray[np.float64]
type Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Numbers:
    """A distribution of numbers.

    Attributes:
        rows: number of rows, missing values included.
        missing: number of rows without a value.
        mean: mean of the values; 0 where there is none.
        std: standard deviation of the values with n - 1; 0 where there are fewer than two.
        values: [k] ascending, distinct.
        counts: [k] rows above the value before and up to this one; all at this one where `exact`.
        exact: whether every distinct value is in `values`.

    """

    rows: int
    missing: int
    mean: float
    std: float
    values: Floats
    counts: Counts
    exact: bool = True

    @property
    def present(self) -> int:
        """Rows that have a value."""
        return self.rows - self.missing

    @property
    def unit(self) -> float:
        """The standard deviation, or 1 where all values are equal, so that a distance in it stays finite."""
        return self.std or 1.0

    @classmethod
    def of(cls, column: npt.ArrayLike) -> "Numbers":
        """The exact distribution of a sample; NaN is a missing value."""
        raw = np.asarray(column, dtype=np.float64)
        known = raw[~np.isnan(raw)]
        values, counts = np.unique(known, return_counts=True)
        return cls(
            rows=len(raw),
            missing=len(raw) - len(known),
            mean=float(known.mean()) if len(known) else 0.0,
            std=float(known.std(ddof=1)) if len(known) > 1 else 0.0,
            values=values,
            counts=counts.astype(np.int64),
        )

    @classmethod
    def from_json(cls, summary: dict[str, Any]) -> "Numbers":
        """Read what `as_json` wrote."""
        return cls(
            rows=int(summary["rows"]),
            missing=int(summary["missing"]),
            mean=float(summary["mean"]),
            std=float(summary["std"]),
            values=np.asarray(summary["values"], dtype=np.float64),
            counts=np.asarray(summary["counts"], dtype=np.int64),
            exact=bool(summary["exact"]),
        )

    def as_json(self) -> dict[str, Any]:
        """The summary as it is stored, of at most `MAX_VALUES` values."""
        short = self.shortened(MAX_VALUES)
        return {
            "kind": "number",
            "rows": self.rows,
            "missing": self.missing,
            "mean": self.mean,
            "std": self.std,
            "minimum": float(short.values[0]) if self.present else None,
            "maximum": float(short.values[-1]) if self.present else None,
            "exact": short.exact,
            "values": short.values.tolist(),
            "counts": short.counts.tolist(),
        }

    def shortened(self, limit: int) -> "Numbers":
        """The same distribution, known exactly only at `limit` of its values: about evenly spaced quantiles."""
        if len(self.values) <= limit:
            return self
        below = np.cumsum(self.counts)
        at = np.searchsorted(below, np.linspace(0, below[-1], limit)[1:-1])
        # Six digits do: whatever a cut is rounded to, the rows up to it are counted exactly.
        cuts = np.array([float(f"{value:.6g}") for value in self.values[at]])
        lowest, highest = self.values[0], self.values[-1]
        inner = cuts[(cuts > lowest) & (cuts < highest)]
        values = np.unique(np.concatenate(([lowest], inner, [highest])))
        up_to = below[np.searchsorted(self.values, values, side="right") - 1]
        return replace(self, values=values, counts=np.diff(up_to, prepend=0), exact=False)


@dataclass(frozen=True)
class Categories:
    """A distribution of categories.

    Attributes:
        rows: number of rows, missing categories included.
        missing: number of rows without a category.
        counts: category -> rows, most frequent first.
        others: rows whose categories were too many to be listed.

    """

    rows: int
    missing: int
    counts: dict[str, int]
    others: int = 0

    @classmethod
    def of(cls, counts: dict[str, int]) -> "Categories":
        """The distribution with these rows a category; `schema.MISSING_CATEGORY` is a missing one."""
        known = {name: rows for name, rows in counts.items() if name != MISSING_CATEGORY and rows}
        ordered = dict(sorted(known.items(), key=lambda item: (-item[1], item[0])))
        return cls(rows=sum(counts.values()), missing=counts.get(MISSING_CATEGORY, 0), counts=ordered)

    @classmethod
    def from_json(cls, summary: dict[str, Any]) -> "Categories":
        """Read what `as_json` wrote."""
        counts = {str(name): int(rows) for name, rows in summary["counts"].items()}
        return cls(int(summary["rows"]), int(summary["missing"]), counts, int(summary["others"]))

    def as_json(self) -> dict[str, Any]:
        """The summary as it is stored, of at most `MAX_CATEGORIES` categories."""
        kept = dict(list(self.counts.items())[:MAX_CATEGORIES])
        others = self.others + sum(self.counts.values()) - sum(kept.values())
        return {"kind": "category", "rows": self.rows, "missing": self.missing, "counts": kept, "others": others}


type Summary = Numbers | Categories
