"""Warnings of many customers: the sentences that `/predict` answers, as a list column."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from churn.model.scorer import Scorer, missing_warning, retired_warning, unseen_warning
from churn.schema.feature import Feature
from churn.schema.record import MISSING_CATEGORY
from churn.scoring.columns.reader import CustomerColumns, Flags, Places, Texts

TYPE = pa.list_(pa.string())


class _Said(NamedTuple):
    """Sentences on one feature, or on one field of an earlier schema.

    Attributes:
        rows: [k] of whom one is said, ascending.
        which: [k] the place of it in `sentences`.
        sentences: distinct ones.

    """

    rows: Places
    which: Places
    sentences: Sequence[str]


def warning_lists(scorer: Scorer, columns: CustomerColumns, retired: Sequence[str] = ()) -> pa.ListArray:
    """[n] lists of one sentence for each thing that was not scored as it stands, in the order of `/predict`.

    Args:
        scorer: scored them.
        columns: [n] valid customers.
        retired: fields of earlier schemas that they came with.

    """
    count = len(columns.valid)
    said = list(_said(scorer, columns, retired))
    if not said:
        return pa.ListArray.from_arrays(np.zeros(count + 1, np.int32), pa.array([], pa.string()))
    starts = np.cumsum([0, *(len(part.sentences) for part in said[:-1])])
    rows = np.concatenate([part.rows for part in said])
    which = np.concatenate([part.which + start for part, start in zip(said, starts, strict=True)])
    sentences = pa.array([sentence for part in said for sentence in part.sentences], pa.string())
    ends = np.concatenate([[0], np.bincount(rows, minlength=count).cumsum()]).astype(np.int32)
    return pa.ListArray.from_arrays(ends, sentences.take(pa.array(which[rows.argsort(kind="stable")])))


def _said(scorer: Scorer, columns: CustomerColumns, retired: Sequence[str]) -> Iterator[_Said]:
    """What is said of some row, in the order in which it is said."""
    schema = scorer.schema
    for feature, texts, known in zip(schema.categories, columns.texts, scorer.known, strict=True):
        is_unseen = np.array([text not in known and text != MISSING_CATEGORY for text in texts.levels], np.bool_)
        if is_unseen.any():
            rows = np.flatnonzero(is_unseen[texts.codes])
            which = (is_unseen.cumsum() - 1)[texts.codes[rows]]
            yield _Said(rows, which, [unseen_warning(feature.name, text) for text in texts.levels[is_unseen]])
    for feature, missing in _optional(scorer, columns):
        if missing.any():
            yield _same(np.flatnonzero(missing), missing_warning(feature.name))
    for name in retired:
        yield _same(np.arange(len(columns.valid)), retired_warning(name))


def _optional(scorer: Scorer, columns: CustomerColumns) -> Iterator[tuple[Feature, Flags]]:
    """Each optional feature, in the schema's order, and [n] whether nothing is known of it."""
    schema = scorer.schema
    numbers = dict(zip(schema.number_names, columns.numbers, strict=True))
    texts = dict(zip(schema.category_names, columns.texts, strict=True))
    for feature in schema.feature:
        if feature.optional:
            name = feature.name
            yield feature, _missing(texts[name]) if feature.is_category else np.isnan(numbers[name])


def _missing(texts: Texts) -> Flags:
    flags: Flags = (texts.levels == MISSING_CATEGORY)[texts.codes]
    return flags


def _same(rows: Places, sentence: str) -> _Said:
    return _Said(rows, np.zeros(len(rows), np.intp), [sentence])
