"""Exact CSV reader: the header, and each row with the line on which an editor shows it."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from churn.data.columns import COLUMNS, header_problems, shorten
from churn.data.file_kind import foreign_kind
from churn.data.validation import Record, check_header, refuse
from churn.errors import DataError

UNIT = "line"


class Header(NamedTuple):
    """The names of a file's columns, and where they stand.

    Attributes:
        line: on which they begin.
        names: without outer blanks, in the file's order.
        above: how many lines with nothing but commas, or Excel's `sep=,`, are above.
        separator: of the fields, where it is not the comma.

    """

    line: int
    names: list[str]
    above: int
    separator: str | None

    def separator_problems(self) -> list[str]:
        """What is wrong where the fields are not separated by commas."""
        return [f"the fields are separated by {self.separator!r}; allowed: ','"] if self.separator else []


def read_header(path: Path) -> Header:
    """The header of a training file.

    Raises:
        DataError: there is none, or not the expected columns.
        UnicodeDecodeError: the file is not UTF-8.
    """
    header = find_header(path, COLUMNS)
    problems = header.separator_problems() or header_problems(header.names)
    check_header(path, header.names, f"line {header.line}, ", problems)
    return header


def find_header(path: Path, expected: Sequence[str]) -> Header:
    """The header of a CSV file, whatever its columns are.

    Raises:
        DataError: there is none, or the file is of another kind.
        UnicodeDecodeError: the file is not UTF-8.
    """
    if kind := foreign_kind(path):
        raise refuse(path, [f"byte 0: the file is {kind[0]}; {kind[1]}"])
    header = _take_header(csv_rows(path))
    if header is None:
        raise DataError(f"{path} is empty; expected a header and rows: {','.join(expected)}")
    if "\0" in "".join(header.names):
        check_bytes(path)
    return header


def _take_header(records: Iterator[Record]) -> Header | None:
    above = 0
    for line, fields in records:
        text = ",".join(fields)
        if (above == 0 and text.startswith("sep=,")) or not any(fields):
            above += 1
            continue
        separator = next((mark for mark in ";\t|" if len(fields) == 1 and mark in text), None)
        return Header(line, [name.strip() for name in fields], above, separator)
    return None


def csv_records(path: Path) -> Iterator[Record]:
    """Each row of data: the line on which it begins, as an editor counts, and its fields.

    A row of nothing but commas, as spreadsheets write below their tables, is passed over like an empty line.

    Raises:
        DataError: the bytes are not UTF-8 text, or a quote is never closed.
        OSError: the file cannot be read.
    """
    check_bytes(path)
    records = csv_rows(path)
    header = _take_header(records)
    columns = len(header.names) if header else 0
    yield from ((line, fields) for line, fields in records if any(fields) or len(fields) > columns)


class _Lines:
    """The lines of a file, remembering those of the record that is being read."""

    def __init__(self, file: io.TextIOWrapper) -> None:
        self._file = file
        self.pending: list[str] = []
        self.ended = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = next(self._file, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.pending.append(line)
        return line


def csv_rows(path: Path, delimiter: str = ",") -> Iterator[Record]:
    """Each row that is not blank, the header first, with the line on which it begins."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = _Lines(file)
        reader = csv.reader(lines, delimiter=delimiter)
        while True:
            begin = reader.line_num + 1
            lines.pending.clear()
            try:
                fields = next(reader, None)
            except csv.Error as error:  # a field longer than 131,072 characters
                raise refuse(path, [f"line {begin}: {error}; is a quote never closed?"]) from None
            if fields is None:
                return
            if len(fields) > 1 or "".join(fields).strip():
                if lines.ended:  # only inside quotes does a record want more lines than there are
                    start = shorten("".join(lines.pending))
                    raise refuse(path, [f"line {begin}: a quote is opened and never closed: {start}"])
                yield begin, fields


def check_bytes(path: Path) -> None:
    """Find the first byte that UTF-8 text cannot hold.

    Raises:
        DataError: names its line, its position and its value.
    """
    line, offset = 1, 0
    with path.open("rb") as file:
        for raw in file:
            bad, why = raw.find(b"\0"), "a NUL byte; the file is damaged, or UTF-16: save it as UTF-8"
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError as error:
                bad, why = error.start, f"{raw[error.start]:#04x} is not UTF-8; save the file as UTF-8"
            if bad >= 0:
                raise refuse(path, [f"line {line + _line_ends(raw[:bad])}, byte {offset + bad:,}: {why}"])
            line += _line_ends(raw)
            offset += len(raw)


def _line_ends(raw: bytes) -> int:
    return raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
