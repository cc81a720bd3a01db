"""CSV reader by pandas, as fast as the content allows; `csv_lines` is the slow, exact view that names problems."""

import hashlib
import io
from collections.abc import Hashable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.console import Advance
from churn.data.columns import Columns
from churn.data.csv_dialect import Dialect, csv_records
from churn.data.csv_lines import UNIT, check_bytes, csv_rows
from churn.data.frame_builder import Floats, FrameBuilder
from churn.data.validation import check_records
from churn.schema.feature import Feature

CHUNK_ROWS = 250_000
_FEW = 10_000
"""Integers of a range up to this are read as categories, so that each distinct text is parsed once."""
_NUMERALS = b"0123456789eE+- \t\n\v\f\r"


def read_csv(path: Path, columns: Columns, dialect: Dialect, advance: Advance) -> tuple[FrameBuilder, str]:
    """Read all rows, and the SHA-256 of the file's bytes.

    Raises:
        DataError: the bytes are not UTF-8 text, rows are short, or a category has far too many texts.
        ValueError: a row or a field cannot be parsed; `check_records` finds where.
        OSError: the file cannot be read.

    """
    reader = _Reader(path, columns, dialect)
    try:
        try:
            # pandas would take -1.0 for missing, too, where -1 means that.
            return reader.read(advance, exact=columns.numeric_missing)
        except ValueError:
            return reader.read(advance, exact=True)
    except UnicodeDecodeError:
        check_bytes(path)
        raise


class _Reader:
    """One file. Unless it reads exactly, pandas parses numbers of many values, and one it may get wrong is an error.

    Its parser takes half the time of the exact one; what it cannot do mostly shows in the first chunk.
    """

    def __init__(self, path: Path, columns: Columns, dialect: Dialect) -> None:
        self._path = path
        self._columns = columns
        self._dialect = dialect
        self._missing = sorted(columns.missing)
        # Of those that have no name there may be several.
        self._names = [name if name in columns.needed else f"\0{place}" for place, name in enumerate(dialect.names)]
        numbers = {
            column: feature for column, feature in columns.features.items() if feature.kind in ("integer", "number")
        }
        self._many_values = [column for column, feature in numbers.items() if _has_many_values(feature)]
        self._few_values = [column for column in numbers if column not in self._many_values]
        self._texts = [column for column in columns.needed if column not in numbers]

    def read(self, advance: Advance, *, exact: bool) -> tuple[FrameBuilder, str]:
        """Read all rows. Raises as `read_csv`."""
        builder, dialect = FrameBuilder(self._path, self._columns), self._dialect
        rows, short = 0, False
        with _Source(self._path, dialect.delimiter, advance) as raw, io.BufferedReader(raw, 2**20) as source:
            for chunk in self._chunks(source, exact=exact):
                if not isinstance(chunk.index, pd.RangeIndex):  # pandas takes surplus fields for row labels
                    raise ValueError("the rows have more fields than the header")
                rows += len(chunk)
                found = self._without_blank(chunk)
                # pandas takes a short row for one that ends in empty fields.
                last = found[self._names[-1]]
                short = short or bool((last.isna() | (last == "")).any())
                self._add(builder, found, exact=exact)
        # Where there are as many delimiters as in rows of full width, and none in quotes, no row is short.
        surely_full = raw.delimiters == (rows + 1) * (len(dialect.names) - 1) and not raw.quotes
        if short and not surely_full and self._some_are_short():
            check_records(
                self._path, self._columns, dialect.names, csv_records(self._path, dialect), UNIT, dialect.decimal
            )
        return builder, raw.digest.hexdigest()

    def _some_are_short(self) -> bool:
        rows = csv_rows(self._path, self._dialect.delimiter)
        return any(len(fields) < len(self._names) and any(fields) for _, fields in rows)

    def _chunks(self, source: "io.BufferedReader[_Source]", *, exact: bool) -> "pd.io.parsers.TextFileReader":
        kinds: dict[Hashable, str] = dict.fromkeys(self._names, "str")  # those that are ignored
        kinds |= dict.fromkeys([*self._few_values, *self._texts], "category")
        kinds |= {} if exact else dict.fromkeys(self._many_values, "float64")
        return pd.read_csv(
            source,
            sep=self._dialect.delimiter,
            decimal=self._dialect.decimal,
            names=self._names,
            header=self._dialect.above,
            dtype=kinds,
            keep_default_na=False,
            na_values={} if exact else dict.fromkeys(self._many_values, self._missing),
            float_precision="round_trip",  # the default takes 360.99999999999994 for 361
            low_memory=False,
            chunksize=CHUNK_ROWS,
        )

    def _add(self, builder: FrameBuilder, rows: pd.DataFrame, *, exact: bool) -> None:
        numbers = {
            name: self._parse(rows[name].to_numpy()) if exact else _check_floats(rows[name].to_numpy())
            for name in self._many_values
        }
        for name in self._few_values:
            found = pd.Categorical(rows[name])
            numbers[name] = self._parse(found.categories.to_numpy())[found.codes]
        builder.add(numbers, {name: pd.Categorical(rows[name]) for name in self._texts})

    def _without_blank(self, chunk: pd.DataFrame) -> pd.DataFrame:
        """The rows that have more than delimiters in them."""
        if "" not in chunk[self._columns.target].cat.categories:
            return chunk
        rows = chunk[(chunk.notna() & (chunk != "")).any(axis=1)]
        return rows.assign(**{name: rows[name].cat.remove_unused_categories() for name in self._texts})

    def _parse(self, texts: npt.NDArray[np.object_]) -> Floats:
        """The numbers that texts hold, NaN for a missing one.

        Raises:
            ValueError: one is not a decimal number; Python would take `nan`, `1_000` and digits of other scripts too.
        """
        texts = np.where(np.isin(texts, self._missing), "", texts)
        numerals = _NUMERALS + self._dialect.decimal.encode()
        if strange := "".join(texts).encode().translate(None, numerals):
            raise ValueError(f"{strange[:40].decode(errors='replace')!r} in a number")
        if self._dialect.decimal != ".":
            texts = np.array([text.replace(self._dialect.decimal, ".") for text in texts], object)
        return np.where(texts == "", "nan", texts).astype(np.float64)


def _has_many_values(feature: Feature) -> bool:
    return feature.kind == "number" or feature.high - feature.low > _FEW


def _check_floats(values: Floats) -> Floats:
    """Numbers by pandas' parser, which is exact for what 53 bits hold in whole units, or in billionths.

    It takes a column of True and False for 1 and 0.

    Raises:
        ValueError: they may be something else in the file.
    """
    scaled = values * 1e9
    exact = (np.rint(values) == values) & (np.abs(values) < 2**53)
    exact |= (np.rint(scaled) / 1e9 == values) & (np.abs(scaled) < 2**53)
    if not (exact | np.isnan(values)).all() or ((values == 0) | (values == 1)).all():
        raise ValueError("numbers that need the exact parser")
    return values


class _Source(io.FileIO):
    """A file whose bytes are digested and searched for NUL, delimiters and quotes while pandas reads them.

    Raises:
        ValueError: on a NUL byte; the parser would end the field there and say nothing.
    """

    def __init__(self, path: Path, delimiter: str, advance: Advance) -> None:
        super().__init__(path)
        self.digest = hashlib.sha256()
        self.delimiters = 0
        self.quotes = False
        self._delimiter = delimiter.encode()
        self._advance = advance

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override] # what BufferedReader gives
        count = super().readinto(buffer) or 0
        data = bytes(memoryview(buffer)[:count])
        if b"\0" in data:
            raise ValueError("a NUL byte")
        self.digest.update(data)
        self.delimiters += data.count(self._delimiter)
        self.quotes = self.quotes or b'"' in data
        self._advance(count)
        return count
