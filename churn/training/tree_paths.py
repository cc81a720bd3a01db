"""Paths of boosted trees: for each leaf, the conditions on its columns, and how often training rows meet them."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from churn.training.upstream import baseline_of, trees_of, with_thresholds_in_32_bits

_LARGEST = float(np.finfo(np.float32).max)

type Nodes = npt.NDArray[np.void]


class _Condition(NamedTuple):
    """All conditions of one path on one column: above `lower`, up to `upper`, or `missing` where that is allowed.

    `share` is the product, over the nodes that split on the column, of the share of training rows that go this way.
    """

    lower: float = -math.inf
    upper: float = math.inf
    missing: bool = True
    share: float = 1.0


type _Conditions = dict[int, _Condition]


def tree_paths(pipeline: Pipeline) -> dict[str, Any]:
    """What `churn.model.reasons.trees.Trees` takes, with its kind and base, of a fitted pipeline.

    The base is what the trees give in the mean over the training rows. Thresholds are those of the serving form.
    """
    classifier = with_thresholds_in_32_bits(pipeline)["classifier"]
    base = baseline_of(classifier)
    groups = defaultdict(list)
    for nodes in trees_of(classifier):
        for value, conditions in _leaves(nodes, 0, {}):
            base += value * float(np.prod([condition.share for condition in conditions.values()]))
            groups[len(conditions)].append((value, conditions))
    groups.pop(0, None)  # a tree that is one leaf is in the base
    return {"kind": "trees", "base": base, "paths": [_group(groups[size]) for size in sorted(groups)]}


def _leaves(nodes: Nodes, place: int, conditions: _Conditions) -> Iterator[tuple[float, _Conditions]]:
    """Value and conditions of each leaf under a node."""
    node = nodes[place]
    if node["is_leaf"]:
        yield float(node["value"]), conditions
        return
    # Infinity, above which nothing but missing numbers lies, has no JSON.
    column, threshold = int(node["feature_idx"]), min(float(node["num_threshold"]), _LARGEST)
    before = conditions.get(column, _Condition())
    for side in ("left", "right"):
        child = int(node[side])
        left = side == "left"
        after = _Condition(
            lower=before.lower if left else max(before.lower, threshold),
            upper=min(before.upper, threshold) if left else before.upper,
            missing=before.missing and bool(node["missing_go_to_left"]) == left,
            share=before.share * float(nodes[child]["count"]) / float(node["count"]),
        )
        yield from _leaves(nodes, child, {**conditions, column: after})


def _group(leaves: Sequence[tuple[float, _Conditions]]) -> dict[str, Any]:
    """Leaves with the same number of columns: one list for each column of a path, with an entry for each leaf."""
    columns = list(zip(*(conditions for _, conditions in leaves), strict=True))
    paths = list(zip(*(conditions.values() for _, conditions in leaves), strict=True))
    return {
        "values": [value for value, _ in leaves],
        "columns": columns,
        "lower": [[_limit(condition.lower) for condition in row] for row in paths],
        "upper": [[_limit(condition.upper) for condition in row] for row in paths],
        "missing": [[condition.missing for condition in row] for row in paths],
        "shares": [[condition.share for condition in row] for row in paths],
    }


def _limit(number: float) -> float | None:
    return number if math.isfinite(number) else None
