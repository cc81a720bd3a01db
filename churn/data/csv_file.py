"""CSV reader by pandas, as fast as the content allows; `csv_lines` is the slow, exact view that names problems."""

import hashlib
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.console import Advance
from churn.data.csv_lines import UNIT, Header, check_bytes, csv_records, read_header
from churn.data.frame_builder import Floats, TableBuilder
from churn.data.validation import check_records
from churn.schema.old_record import CATEGORICAL_NAMES, NUMERIC_FEATURES, TARGET

CHUNK_ROWS = 250_000
_NUMERALS = b"0123456789.eE+- \t\n\v\f\r"
_MANY_VALUES = tuple(feature.name for feature in NUMERIC_FEATURES if not feature.integer)
_FEW_VALUES = (*(feature.name for feature in NUMERIC_FEATURES if feature.integer), TARGET)
"""Read as categories, so that each distinct text is parsed once."""


def read_csv(path: Path, advance: Advance) -> tuple[pd.DataFrame, str]:
    """Read the columns `COLUMNS` as `TableBuilder.frame` gives them, and the SHA-256 of the file's bytes.

    Raises:
        DataError: the bytes are not UTF-8 text, the header is not the expected one, rows are short, or there are
            too many levels.
        ValueError: a row or a field cannot be parsed; `csv_lines.csv_records` finds where.
        OSError: the file cannot be read.

    """
    try:
        header = read_header(path)
        try:
            return _parse(path, header, advance, exact=False)
        except ValueError:
            return _parse(path, header, advance, exact=True)
    except UnicodeDecodeError:
        check_bytes(path)
        raise


def _parse(path: Path, header: Header, advance: Advance, *, exact: bool) -> tuple[pd.DataFrame, str]:
    """Read all rows; unless `exact`, pandas parses numbers of many values, and a number it may get wrong is an error.

    Its parser takes half the time of the exact one; what it cannot do mostly shows in the first chunk.
    """
    digest = hashlib.sha256()
    builder, short = TableBuilder(), False
    many = "str" if exact else "float64"
    with io.BufferedReader(_Source(path, digest, advance), buffer_size=2**20) as source:
        chunks = pd.read_csv(
            source,
            names=header.names,
            header=header.above,
            dtype={name: many if name in _MANY_VALUES else "category" for name in header.names},
            keep_default_na=False,
            na_values={} if exact else {name: [""] for name in _MANY_VALUES},
            low_memory=False,
            chunksize=CHUNK_ROWS,
        )
        for chunk in chunks:
            if not isinstance(chunk.index, pd.RangeIndex):  # pandas takes surplus fields for row labels
                raise ValueError("the rows have more fields than the header")
            rows = _without_blank(chunk)
            # pandas takes a short row for one that ends in empty fields; an empty target is refused anyway.
            last = rows[header.names[-1]]
            short = short or (last.name != TARGET and bool((last.isna() | (last == "")).any()))
            parse = _parse_numbers if exact else _check_floats
            numbers = {name: parse(rows[name].to_numpy()) for name in _MANY_VALUES}
            for name in _FEW_VALUES:
                found = pd.Categorical(rows[name])
                numbers[name] = _parse_numbers(found.categories.to_numpy())[found.codes]
            builder.add(numbers, {name: pd.Categorical(rows[name]) for name in CATEGORICAL_NAMES})
    if short:
        check_records(path, header.names, csv_records(path), UNIT)
    builder.check_levels(path)
    return builder.frame(), digest.hexdigest()


def _without_blank(chunk: pd.DataFrame) -> pd.DataFrame:
    """The rows that have more than commas in them."""
    if "" not in chunk[TARGET].cat.categories:
        return chunk
    rows = chunk[(chunk.notna() & (chunk != "")).any(axis=1)]
    return rows.assign(**{name: rows[name].cat.remove_unused_categories() for name in CATEGORICAL_NAMES})


def _parse_numbers(texts: npt.NDArray[np.object_]) -> Floats:
    """The numbers that texts hold, NaN for an empty one.

    Raises:
        ValueError: one is not a decimal number; Python would take `nan`, `1_000` and digits of other scripts too.
    """
    if strange := "".join(texts).encode().translate(None, _NUMERALS):
        raise ValueError(f"{strange[:40].decode(errors='replace')!r} in a number")
    return np.where(texts == "", "nan", texts).astype(np.float64)


def _check_floats(values: Floats) -> Floats:
    """Numbers by pandas' parser, which is exact up to 9 decimals, and takes a column of True and False for 1 and 0.

    Raises:
        ValueError: they may be something else in the file.
    """
    short = (np.rint(values * 1e9) / 1e9 == values) | np.isnan(values)
    if not short.all() or ((values == 0) | (values == 1)).all():
        raise ValueError("numbers that need the exact parser")
    return values


class _Source(io.FileIO):
    """A file whose bytes are counted, digested and searched for NUL while pandas reads them.

    Raises:
        ValueError: on a NUL byte; the parser would end the field there and say nothing.
    """

    def __init__(self, path: Path, digest: "hashlib._Hash", advance: Advance) -> None:
        super().__init__(path)
        self._digest = digest
        self._advance = advance

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override] # what BufferedReader gives
        count = super().readinto(buffer) or 0
        data = bytes(memoryview(buffer)[:count])
        if b"\0" in data:
            raise ValueError("a NUL byte")
        self._digest.update(data)
        self._advance(count)
        return count
