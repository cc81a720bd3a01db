"""CSV files, line by line: the header, and each row with the line on which an editor shows it."""

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path

from churn.columns import COLUMNS, header_problems, shorten
from churn.diagnosis import Record, check_header, refuse
from churn.errors import DataError

UNIT = "line"

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_header(path: Path) -> list[str]:
    """The names of the columns, in the file's order.

    Raises:
        DataError: there is none, or not the expected columns.
        UnicodeDecodeError: the file is not UTF-8.
    """
    with path.open("rb") as file:
        if file.read(2) in _UTF16:
            raise refuse(path, ["byte 0: the file is UTF-16; save it as UTF-8"])
    line, names = next(_records(path), (0, []))
    if not names:
        raise DataError(f"{path} is empty; expected a header and rows: {','.join(COLUMNS)}")
    if "\0" in "".join(names):
        check_bytes(path)
    header = [name.strip() for name in names]
    problems = header_problems(header)
    separators = [mark for mark in ";\t|" if mark in names[0]] if len(names) == 1 else []
    if separators:
        problems = [f"the fields are separated by {separators[0]!r}; allowed: ','"]
    check_header(path, header, f"line {line}, ", problems)
    return header


def csv_records(path: Path) -> Iterator[Record]:
    """Each row of data: the line on which it begins, as an editor counts, and its fields.

    Raises:
        DataError: the bytes are not UTF-8 text, or a quote is never closed.
        OSError: the file cannot be read.
    """
    check_bytes(path)
    records = _records(path)
    next(records, None)  # the header
    yield from records


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


def _records(path: Path) -> Iterator[Record]:
    """Each record that is not blank, the header first, with the line on which it begins."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = _Lines(file)
        reader = csv.reader(lines)
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
