"""Exact CSV reader: each row with the line on which an editor shows it."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from churn.data.columns import shorten
from churn.data.validation import Record, refuse

UNIT = "line"
_CURE = "save the file as UTF-8"


class Lines:
    """The lines of a file, remembering those of the record that is being read.

    Args:
        file: opened with `newline=""`.

    """

    def __init__(self, file: io.TextIOWrapper) -> None:
        self._file = file
        self.pending: list[str] = []
        self.ended = False

    def __iter__(self) -> "Lines":
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
        yield from rows_of(Lines(file), path, delimiter)


def rows_of(lines: Lines, path: Path, delimiter: str) -> Iterator[Record]:
    """Each row of these lines of a file that is not blank; no line is taken before it is needed."""
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
                bad, why = error.start, f"{raw[error.start]:#04x} is not UTF-8, it looks like Windows-1252; {_CURE}"
            if bad >= 0:
                raise refuse(path, [f"line {line + _line_ends(raw[:bad])}, byte {offset + bad:,}: {why}"])
            line += _line_ends(raw)
            offset += len(raw)


def _line_ends(raw: bytes) -> int:
    return raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
