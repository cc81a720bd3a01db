"""SHAP values of boosted trees: TreeSHAP, path-dependent."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.model.reasons.levels import Levels, Texts
from churn.model.reasons.linear import Floats, Numbers

_SLOTS = 100_000  # columns of leaves, times customers, worked on in 1 ms

type Truths = npt.NDArray[np.bool_]


class Trees:
    """Path-dependent TreeSHAP of an ensemble: where a column is not known, both ways are taken as often as in training.

    Lundberg, Erion and Lee, Consistent Individualized Feature Attribution for Tree Ensembles (2018). Where the columns
    of a set S are known, a leaf with the value v adds to the expected log-odds

        v * product of o_j over the columns j of its path in S * product of z_j over those not in S

    o_j: whether the customer meets all conditions on column j (1 or 0); z_j: the share of training rows that do, node
    by node. By Owen's integral form (Multilinear Extensions of Games, 1972), the Shapley value of column i is

        v * (o_i - z_i) * integral from 0 to 1 of the product over j != i of (o_j t + z_j (1 - t)) dt

    For d columns the integrand is a polynomial of degree d - 1, which Gauss-Legendre quadrature with d / 2 nodes,
    rounded up, integrates exactly. Columns of one feature (a category's levels) are added up.

    Args:
        document: `paths`, the leaves by the number of their columns (`_Paths`).
        levels: of the categories; the columns are the numbers, then the levels, 1 or 0.
        count: of the numbers.

    Attributes:
        rows: customers whose contributions take 1 ms, at most 64: those of more do not stay in the processor's cache.

    """

    def __init__(self, document: Mapping[str, Any], levels: Levels, count: int) -> None:
        self._levels = levels
        self._count = count
        self._paths = [_Paths(group) for group in document["paths"]]
        self._features = count + len(levels.category) - levels.seen
        owner = np.append(np.arange(count), count + levels.category)
        owners = np.concatenate([np.empty(0, np.intp), *(owner[paths.columns].ravel() for paths in self._paths)])
        self._order = np.argsort(owners, kind="stable")
        self._split_on, self._starts = np.unique(owners[self._order], return_index=True)
        self.rows = max(1, min(64, _SLOTS // max(len(owners), 1)))

    def contributions(self, numbers: Numbers, texts: Texts) -> Floats:
        """[n, numbers + categories] log-odds, of [n, numbers] and [n, categories]."""
        found = np.zeros((len(numbers), self._features))
        if self._paths:
            columns = self._columns(numbers, texts)
            missing = np.isnan(columns)
            by_column = np.concatenate([paths.contributions(columns, missing) for paths in self._paths], axis=1)
            found[:, self._split_on] = np.add.reduceat(by_column[:, self._order], self._starts, axis=1)
        return found

    def _columns(self, numbers: Numbers, texts: Texts) -> Numbers:
        columns = np.zeros((len(numbers), self._count + self._levels.total), np.float32)
        columns[:, : self._count] = numbers
        columns[np.arange(len(texts))[:, None], self._count + self._levels.places(texts)] = 1
        return columns


class _Paths:
    """Leaves whose paths have the same number d of columns.

    Args:
        document: `values` [leaves]; and of each column of each path, [d, leaves]: its number (`columns`), the interval
            that its value must be in, above `lower` and up to `upper` (null is no limit), whether it may be `missing`,
            and `shares`, the z_j.

    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.columns = np.array(document["columns"], np.intp)
        self._lower = _limits(document["lower"], -np.inf)
        self._upper = _limits(document["upper"], np.inf)
        self._missing = np.array(document["missing"], np.bool_)
        self._shares = np.array(document["shares"], np.float64)
        values = np.array(document["values"], np.float64)
        nodes, weights = np.polynomial.legendre.leggauss((len(self.columns) + 1) // 2)
        self._nodes = [
            (node, values * weight, self._shares * (1 - node))
            for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True)
        ]

    def contributions(self, columns: Numbers, missing: Truths) -> Floats:
        """[n, d * leaves] of [n, columns]."""
        values = columns[:, self.columns]
        meets: Truths = (values > self._lower) & (values <= self._upper)
        meets |= missing[:, self.columns] & self._missing
        integral = np.zeros(values.shape)
        for node, weighted, unmet in self._nodes:
            factors = unmet + meets * node  # above 0: all can be divided by
            integral += (factors.prod(axis=1) * weighted)[:, None] / factors
        found: Floats = integral * (meets - self._shares)
        return found.reshape(len(columns), -1)


def _limits(rows: Sequence[Sequence[float | None]], unlimited: float) -> Numbers:
    return np.array([[unlimited if limit is None else limit for limit in row] for row in rows], np.float32)
