"""File of rows that were set aside: where each stands, what is wrong with it, and its values as texts."""

import contextlib
import csv
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol


class Writer(Protocol):
    """What `csv.writer` makes, whose type has no public name."""

    def writerow(self, row: Iterable[Any], /) -> object:
        """Write a row."""


class Rejects:
    """Takes rows that are set aside.

    Args:
        writer: of the file, after its header.

    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def add(self, file: Path, place: int, problem: str, texts: Sequence[str]) -> None:
        """Write a row; its texts in the order of the header."""
        self._writer.writerow([file, place, problem, *texts])


class RejectsForm:
    """CSV files of rows that are set aside, all with one header.

    Args:
        unit: what is counted where a row stands: "line" or "row".
        columns: of the table, those that are read.

    """

    def __init__(self, unit: str, columns: Sequence[str]) -> None:
        self._header = ["file", unit, "problem", *columns]

    @contextlib.contextmanager
    def open(self, path: Path) -> Iterator[Rejects]:
        """Open a file for writing.

        Raises:
            OSError: it cannot be written.
        """
        with self._writer(path) as writer:
            yield Rejects(writer)

    def join(self, path: Path, parts: Sequence[Path]) -> None:
        """Write the rows of several such files to one.

        Raises:
            OSError: one cannot be read, or the other cannot be written.
        """
        with path.open("wb") as joined:
            for number, part in enumerate(parts):
                with part.open("rb") as lines:
                    header = next(_rows(lines))
                    joined.write(b"" if number else header)
                    shutil.copyfileobj(lines, joined)

    @contextlib.contextmanager
    def _writer(self, path: Path) -> Iterator[Writer]:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self._header)
            yield writer


def count_rejects(path: Path) -> int:
    """How many rows such a file has."""
    with path.open("rb") as file:
        return sum(1 for _ in _rows(file)) - 1


def _rows(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Rows of a file that `Rejects` wrote. Python's reader would refuse a text of more than 131,072 characters."""
    row, is_open = list[bytes](), False
    for line in lines:
        row.append(line)
        is_open ^= line.count(b'"') % 2 == 1
        if not is_open:
            yield b"".join(row)
            row.clear()
