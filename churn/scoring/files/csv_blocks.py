"""Blocks of whole CSV rows, taken apart by Arrow where that is certain to give what Python's reader does."""

import codecs
import csv
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from churn.scoring.files.form import CODED

BLOCK_BYTES = 2**22
"""Bytes that are taken apart together."""
_LONGEST = csv.field_size_limit()
_WINDOW = _LONGEST // 2
_QUOTE, _LINE_END, _RETURN = b'"\n\r'


class Block(NamedTuple):
    """Whole rows.

    Attributes:
        data: their bytes, of UTF-8 text without NUL.
        quoted: whether there are quotes among them.

    """

    data: memoryview
    quoted: bool


def whole_rows(data: bytes, delimiter: str, *, is_last: bool) -> Block | None:
    """The whole rows at the beginning of some bytes; None where they may be more than Arrow reads alike.

    These are: a carriage return alone, which ends a line; a quote that opens within a field, which is a letter like
    others; a quote never closed; a row that is too long; bytes that are no text; a byte order mark.

    Args:
        data: bytes of a file that begin with a row.
        delimiter: of the fields.
        is_last: whether they end with the file.

    """
    if data.startswith(codecs.BOM_UTF8) or b"\0" in data:
        return None
    quoted = _QUOTE in data
    size = _quoted_end(data, delimiter, is_last=is_last) if quoted else _plain_end(data, is_last=is_last)
    lone = b"\r" in data and data.count(b"\r", 0, size) != data.count(b"\r\n", 0, size)
    if not size or lone or not (data.isascii() or _is_text(data[:size])):
        return None
    return Block(memoryview(data)[:size], quoted)


def take_apart(
    block: Block, names: Sequence[str], columns: Sequence[str], coded: Collection[str], delimiter: str
) -> pa.RecordBatch | None:
    """The rows of a block; None where some have not as many fields as there are names, or may be nothing at all.

    Args:
        block: the rows.
        names: of all columns, in the file's order.
        columns: names of those to take.
        coded: names of those that become `CODED`.
        delimiter: of the fields.

    """
    if len(names) == 1:
        return None  # a line of spaces would be a row
    places = [str(names.index(name)) for name in columns]
    kinds = {place: CODED if name in coded else pa.string() for place, name in zip(places, columns, strict=True)}
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(block.data),
            arrow_csv.ReadOptions(column_names=[str(place) for place in range(len(names))], block_size=len(block.data)),
            arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=block.quoted),
            arrow_csv.ConvertOptions(include_columns=places, column_types=kinds, strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    table = table.unify_dictionaries().combine_chunks().rename_columns(list(columns))
    batch = next(iter(table.to_batches()), pa.RecordBatch.from_pylist([], table.schema))
    return None if _may_be_blank(batch) else batch


def _plain_end(data: bytes, *, is_last: bool) -> int:
    """Where the last row ends; 0 where it cannot be said, or one is too long."""
    windows = range(0, len(data) - _WINDOW, _WINDOW)
    if any(data.find(b"\n", begin, begin + _WINDOW) < 0 for begin in windows):
        return 0
    return len(data) if is_last else data.rfind(b"\n") + 1


def _quoted_end(data: bytes, delimiter: str, *, is_last: bool) -> int:
    """The same where there are quotes: each opens a field, or goes on after a doubled one, or closes it."""
    values = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(values == _QUOTE)
    opening = quotes[::2]
    before = values[opening[opening > 0] - 1]
    if not np.isin(before, [ord(delimiter), _LINE_END, _RETURN, _QUOTE]).all():
        return 0
    ends = np.flatnonzero(values == _LINE_END)
    ends = ends[np.searchsorted(quotes, ends) % 2 == 0] + 1
    if is_last:
        if len(quotes) % 2:
            return 0
        ends = np.append(ends, len(data))
    return int(ends[-1]) if len(ends) and np.diff(ends, prepend=0).max() <= _LONGEST else 0


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _may_be_blank(batch: pa.RecordBatch) -> bool:
    """Whether a row has nothing in any column that is taken: it may have nothing in all."""
    blank: npt.NDArray[np.bool_] | None = None
    for column in batch.columns:
        if pa.types.is_dictionary(column.type):
            empty = pc.equal(column.dictionary, "").take(column.indices)
        else:
            empty = pc.equal(pc.binary_length(column), 0)
        found = np.asarray(empty.to_numpy(zero_copy_only=False), np.bool_)
        blank = found if blank is None else blank & found
        if not blank.any():
            return False
    return blank is not None
