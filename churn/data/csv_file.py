"""CSV files, read by pandas as fast as their content allows. `csv_lines` is the slow, exact view of them."""

import hashlib
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.console import Advance
from churn.data.columns import parse_number
from churn.data.csv_lines import Header, check_bytes, read_header
from churn.data.frame_builder import Floats, Table, TableBuilder
from churn.data.levels import Levels
from churn.schema.record import CATEGORICAL_NAMES, NUMERIC_FEATURES, TARGET

CHUNK_ROWS = 100_000

# Columns of few distinct values are read as categories, so that each distinct text is parsed once, by our rules.
_FEW_VALUES = (*(feature.name for feature in NUMERIC_FEATURES if feature.integer), TARGET)
_MANY_VALUES = tuple(feature.name for feature in NUMERIC_FEATURES if not feature.integer)


def read_csv(path: Path, advance: Advance) -> Table:
    """Read the columns `COLUMNS`.

    Raises:
        DataError: the bytes are not UTF-8 text, the header is not the expected one, or there are too many levels.
        ValueError: a row or a field cannot be parsed; `csv_lines.csv_records` finds where.
        OSError: the file cannot be read.

    """
    try:
        header = read_header(path)
        return _parse_as_needed(path, header, advance)
    except UnicodeDecodeError:
        check_bytes(path)
        raise


def _parse_as_needed(path: Path, header: Header, advance: Advance) -> Table:
    """Begin with pandas' fastest parser; what a file needs beyond it mostly shows in the first chunk."""
    empty_numbers = long_numbers = False
    while True:
        try:
            return _parse(path, header, advance, empty_numbers=empty_numbers, long_numbers=long_numbers)
        except _LongNumbers:
            long_numbers = True
        except ValueError:
            if empty_numbers:
                raise
            empty_numbers = True


def _parse(path: Path, header: Header, advance: Advance, *, empty_numbers: bool, long_numbers: bool) -> Table:
    """Read all rows.

    Args:
        path: the file.
        header: its columns, and where they stand.
        advance: told how many bytes were read.
        empty_numbers: some numbers are missing.
        long_numbers: some numbers need a parser that is right to the last of 17 digits.

    """
    digest = hashlib.sha256()
    builder, levels = TableBuilder(), Levels()
    doubtful = False
    with io.BufferedReader(_Source(path, digest, advance), buffer_size=2**20) as source:
        chunks = pd.read_csv(
            source,
            names=header.names,
            header=header.above,
            dtype={name: "float64" if name in _MANY_VALUES else "category" for name in header.names},
            keep_default_na=False,
            na_values={name: [""] for name in _MANY_VALUES},
            na_filter=empty_numbers,
            float_precision="round_trip" if long_numbers else None,
            low_memory=False,
            chunksize=CHUNK_ROWS,
        )
        for chunk in chunks:
            if not isinstance(chunk.index, pd.RangeIndex):  # pandas takes surplus fields for row labels
                raise ValueError("the rows have more fields than the header")
            if not long_numbers and not all(_is_short(chunk[name].to_numpy(np.float64)) for name in _MANY_VALUES):
                raise _LongNumbers
            rows = _without_blank(chunk) if empty_numbers else chunk
            _add(builder, levels, rows)
            doubtful = doubtful or _is_doubtful(rows, header.names)
    levels.check(path)
    return Table(builder.frame(), digest.hexdigest(), doubtful)


def _without_blank(chunk: pd.DataFrame) -> pd.DataFrame:
    """The rows that have more than commas in them."""
    filled: npt.NDArray[np.bool_] = np.logical_or.reduce([chunk[name].notna() & (chunk[name] != "") for name in chunk])
    if filled.all():
        return chunk
    rows = chunk.loc[filled]
    return rows.assign(**{name: rows[name].cat.remove_unused_categories() for name in CATEGORICAL_NAMES})


def _add(builder: TableBuilder, levels: Levels, chunk: pd.DataFrame) -> None:
    numbers = {name: chunk[name].to_numpy(np.float64) for name in _MANY_VALUES}
    numbers |= {name: _numbers(pd.Categorical(chunk[name])) for name in _FEW_VALUES}
    texts = {name: pd.Categorical(chunk[name]) for name in CATEGORICAL_NAMES}
    if levels.add(texts):
        builder.add(numbers, texts)


def _numbers(texts: pd.Categorical) -> Floats:
    values = [parse_number(text) if text else np.nan for text in texts.categories]
    lookup: Floats = np.array([*values, np.nan])
    return lookup.take(texts.codes)  # pandas' code -1, a missing value, picks the last


def _is_short(values: Floats) -> bool:
    """Whether all have at most 9 decimals: with those and this range, pandas' fast parser is exact."""
    return bool(((np.rint(values * 1e9) / 1e9 == values) | np.isnan(values)).all())


def _is_doubtful(chunk: pd.DataFrame, header: list[str]) -> bool:
    """Whether pandas may have taken a short row for one that ends in empty fields, or True and False for 1 and 0."""
    last = chunk[header[-1]]
    short = header[-1] != TARGET and bool((last.isna() | (last == "")).any())
    return short or any(((chunk[name] == 0) | (chunk[name] == 1)).all() for name in _MANY_VALUES)


class _LongNumbers(Exception):
    """The fast parser may be off in the last digit."""


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
