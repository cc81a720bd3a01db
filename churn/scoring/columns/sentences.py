"""Warnings of many customers: the sentences that `/predict` answers, as a list column."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from churn.model.scorer import Scorer, missing_warning, retired_warning, unseen_warning
from churn.schema.record import MISSING_CATEGORY
from churn.scoring.columns.reader import CustomerColumns, Places

TYPE = pa.list_(pa.string())


def warning_lists(scorer: Scorer, columns: CustomerColumns, retired: Sequence[str] = ()) -> pa.ListArray:
    """[n] lists of one sentence for each thing that was not scored as it stands, in the order of `/predict`.

    Args:
        scorer: scored them.
        columns: [n] customers.
        retired: fields of earlier schemas that they came with.

    """
    rows = len(columns.valid)
    found = list(_found(scorer, columns, retired))
    if not found:
        return pa.ListArray.from_arrays(np.zeros(rows + 1, np.int32), pa.array([], pa.string()))
    where = np.concatenate([places for places, _ in found])
    which = np.repeat(np.arange(len(found)), [len(places) for places, _ in found])
    sentences = pa.array([sentence for _, sentence in found], pa.string())
    ends = np.concatenate([[0], np.bincount(where, minlength=rows).cumsum()]).astype(np.int32)
    return pa.ListArray.from_arrays(ends, sentences.take(pa.array(which[where.argsort(kind="stable")])))


def _found(scorer: Scorer, columns: CustomerColumns, retired: Sequence[str]) -> Iterator[tuple[Places, str]]:
    """Rows and what is said of them."""
    schema = scorer.schema
    for feature, texts, known in zip(schema.categories, columns.texts, scorer.known, strict=True):
        for code, text in enumerate(texts.levels):
            if text not in known and text != MISSING_CATEGORY:
                yield np.flatnonzero(texts.codes == code), unseen_warning(feature.name, text)
    values = dict(zip(schema.number_names, columns.numbers, strict=True))
    texts_of = dict(zip(schema.category_names, columns.texts, strict=True))
    for feature in schema.feature:
        if not feature.optional:
            continue
        if feature.is_category:
            texts = texts_of[feature.name]
            missing = (texts.levels == MISSING_CATEGORY)[texts.codes]
        else:
            missing = np.isnan(values[feature.name])
        if missing.any():
            yield np.flatnonzero(missing), missing_warning(feature.name)
    for name in retired:
        yield np.arange(len(columns.valid)), retired_warning(name)
