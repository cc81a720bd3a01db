"""Form of a file's columns in pieces: one type for all kinds of text."""

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from churn.errors import DataError
from churn.scoring.columns.table import is_text

CODED = pa.dictionary(pa.int32(), pa.string())
"""Texts of which few are distinct."""


def plain(schema: pa.Schema) -> pa.Schema:
    """Names and types of a file's columns: texts of any kind are `string`, and nothing else is said of them.

    Values of a dictionary are themselves: there may be another one in each batch, and an Arrow file takes one only.
    """
    return pa.schema([(field.name, _plain(field.type)) for field in schema])


def _plain(kind: pa.DataType) -> pa.DataType:
    if is_text(kind):
        return pa.string()
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def shaped(batch: pa.RecordBatch, columns: Sequence[str], coded: Collection[str]) -> pa.RecordBatch:
    """These columns of a file's batch, texts as `string`, or `CODED` where they are to be.

    Raises:
        ArrowInvalid: texts are not UTF-8, which no reader of Arrow's looks at by itself.
    """
    arrays = [_shaped(batch.column(name), CODED if name in coded else pa.string()) for name in columns]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def _shaped(column: pa.Array, text: pa.DataType) -> pa.Array:
    if not is_text(column.type):
        return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if text == CODED and not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    column = column if column.type == text else column.cast(text)
    column.validate(full=True)
    return column


@contextmanager
def damage_reported(path: Path, kind: str) -> Iterator[None]:
    """Turn what Arrow says of a file into a message for the user.

    Raises:
        DataError: the file is damaged.
        OSError: it cannot be read, as the system says.
    """
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno:  # in the words of the system, not of Arrow
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from None
        reason = (str(error).splitlines() or ["without a reason"])[0]
        raise DataError(f"{path} is a damaged {kind} file: {reason}") from None
