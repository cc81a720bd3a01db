"""Dialect of a CSV file of unknown columns: its header, delimiter and decimal mark, recognised from its beginning."""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from churn.data.csv_lines import check_bytes, csv_rows
from churn.data.file_kind import foreign_kind
from churn.data.validation import Record, refuse
from churn.errors import DataError

DELIMITERS = ",;\t|"
_HEAD_CHARACTERS = 2**16
"""So much of a file is looked at, in whole lines: some hundreds."""
_DECLARED = re.compile(rf'"?sep=([{DELIMITERS}])')  # Excel's, above the header
_COMMA = re.compile(r"\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*", re.ASCII)
_POINT = re.compile(r"\s*[+-]?\d*\.\d+([eE][+-]?\d+)?\s*", re.ASCII)
_THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2},\d{3}\s*", re.ASCII)


class Dialect(NamedTuple):
    """How a CSV file is written.

    Attributes:
        line: on which the header begins, as an editor counts.
        names: of the columns, without outer blanks, in the file's order.
        above: how many lines with nothing but delimiters, or Excel's `sep=;`, are above the header.
        delimiter: of the fields: one of `DELIMITERS`.
        decimal: mark of the numbers: `.`, or `,` where the delimiter is another and numbers are written so.

    """

    line: int
    names: list[str]
    above: int
    delimiter: str
    decimal: str

    @property
    def unusual(self) -> str:
        """What a person should know of how it was read; empty for commas and decimal points."""
        found = [f"fields separated by {self.delimiter!r}"] if self.delimiter != "," else []
        return ", ".join([*found, "decimal comma"] if self.decimal == "," else found)


def csv_records(path: Path, dialect: Dialect) -> Iterator[Record]:
    """Each row of data: the line on which it begins, as an editor counts, and its fields.

    A row of nothing but delimiters, as spreadsheets write below their tables, is passed over like an empty line.

    Raises:
        DataError: the bytes are not UTF-8 text, or a quote is never closed.
        OSError: the file cannot be read.
    """
    check_bytes(path)
    rows = csv_rows(path, dialect.delimiter)
    take_header(rows)
    yield from ((line, fields) for line, fields in rows if any(fields) or len(fields) > len(dialect.names))


def find_dialect(path: Path) -> Dialect:
    """The dialect of a CSV file.

    Raises:
        DataError: there is no header, the file is of another kind, or its beginning is not UTF-8.
        OSError: the file cannot be read.
    """
    if kind := foreign_kind(path):
        raise refuse(path, [f"byte 0: the file is {kind[0]}; {kind[1]}"])
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readlines(_HEAD_CHARACTERS)
        delimiter = _delimiter(head)
        header = take_header(csv_rows(path, delimiter))
    except UnicodeDecodeError:
        check_bytes(path)
        raise
    if header is None:
        raise DataError(f"{path} is empty; expected a header and rows")
    line, fields, above = header
    if "\0" in "".join(fields):
        check_bytes(path)
    decimal = "." if delimiter == "," else _decimal(_parse(head, delimiter))
    return Dialect(line, [name.strip() for name in fields], above, delimiter, decimal)


def take_header(rows: Iterator[Record]) -> tuple[int, Sequence[str], int] | None:
    """The line and the names of the first row that is a header, and how many rows were above; takes them away."""
    for above, (line, fields) in enumerate(rows):
        if any(fields) and not (above == 0 and fields[0].startswith("sep=")):
            return line, fields, above
    return None


def _delimiter(head: Sequence[str]) -> str:
    """The declared one, or else that by which most rows are as wide as the header, whose names are whole and many."""
    first = next((line for line in head if line.strip()), "")
    if declared := _DECLARED.match(first):
        return declared[1]
    possible = [delimiter for delimiter in DELIMITERS if delimiter in first] or [","]
    return max(possible, key=lambda delimiter: _fit(_parse(head, delimiter))) if len(possible) > 1 else possible[0]


def _fit(rows: Sequence[Sequence[str]]) -> tuple[float, int, int]:
    header, *data = rows or [[]]
    if len(header) < 2:
        return -1, 0, 0
    broken = sum(name.startswith(" ") or any(mark in name for mark in f'"{DELIMITERS}') for name in header)
    alike = sum(len(fields) == len(header) for fields in data) / max(len(data), 1)
    return alike, -broken, len(header)


def _decimal(rows: Sequence[Sequence[str]]) -> str:
    """`,` where more fields are numbers with a comma than with a point; `1,234` alone may be a thousand and more."""
    texts = [text for fields in rows[1:] for text in fields]
    commas = sum(_COMMA.fullmatch(text) is not None for text in texts)
    unclear = sum(_THOUSANDS.fullmatch(text) is not None for text in texts)
    points = sum(_POINT.fullmatch(text) is not None for text in texts)
    return "," if commas > max(unclear, points) else "."


def _parse(head: Sequence[str], delimiter: str) -> list[list[str]]:
    """The rows of a file's beginning, the header first; those up to a fault, which another reader names."""
    rows: list[list[str]] = []
    with suppress(csv.Error):
        for fields in csv.reader(head, delimiter=delimiter):
            if any(map(str.strip, fields)):
                rows.append(fields)  # noqa: PERF401 - a comprehension would lose those before the fault
    return rows
