"""Validation of every field of a training file, to name its problems once it is known to have some."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from churn.data.columns import COLUMNS, MAX_MISSING, field_problem, shorten
from churn.errors import DataError
from churn.schema.old_record import FEATURE_NAMES, TARGET

SHOWN = 5
"""So many kinds of problems of a file are listed, and so many places of each; the rest are counted."""

_COUNTED = re.compile(r" \(\d+ characters\)")

type Record = tuple[int, Sequence[str]]


def refuse(path: Path, problems: Sequence[str]) -> DataError:
    """The error that lists what is wrong with a file."""
    return DataError("\n  ".join([f"{path} cannot be used:", *problems]))


class Problems:
    """What is wrong with the rows of a file: problems of one kind are one line with their count.

    Args:
        unit: what the numbers of rows count: "line" or "row".

    """

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.count = 0
        self._texts: dict[str, str] = {}
        self._places: dict[str, list[int]] = {}
        self._counts: Counter[str] = Counter()

    def add(self, where: int, text: str, kind: str) -> None:
        """A problem of a row; the first of its kind is the one that is shown."""
        self.count += 1
        if kind not in self._texts and len(self._texts) == SHOWN:
            return
        self._counts[kind] += 1
        self._texts.setdefault(kind, f"{self.unit} {where}, {text}")
        places = self._places.setdefault(kind, [])
        if len(places) < SHOWN:
            places.append(where)

    def lines(self) -> list[str]:
        """One line a kind, at most `SHOWN`; a last one counts the problems of other kinds."""
        lines = [text + self._others(kind) for kind, text in self._texts.items()]
        more = self.count - self._counts.total()
        return [*lines, f"... and {more:,} more"] if more else lines

    def _others(self, kind: str) -> str:
        count = self._counts[kind]
        return f" ({count:,} such {self.unit}s: {_listed(self._places[kind], count)})" if count > 1 else ""


def _listed(places: Sequence[int], count: int) -> str:
    more = f" ... and {count - len(places):,} more" if count > len(places) else ""
    return f"{', '.join(map(str, places))}{more}"


def wrong_width(fields: Sequence[str], columns: int) -> tuple[str, str]:
    """What is wrong with a row that has not as many fields as there are columns, and the kind of that."""
    kind = f"{len(fields)} field{'s' * (len(fields) != 1)} instead of {columns}"
    return f"{kind}: {shorten(','.join(fields))}", kind


def check_records(path: Path, header: Sequence[str], records: Iterable[Record], unit: str) -> None:
    """Check every field of a file.

    Args:
        path: the file, for the message.
        header: its columns, in its own order.
        records: for each row of data its number, as a person finds it, and its fields as text, "" for a missing.
        unit: what the numbers count: "line" or "row".

    Raises:
        DataError: names each problem, where it is, the value and what is allowed; the first `SHOWN`.

    """
    findings = _Findings(header, unit)
    for where, fields in records:
        findings.check(where, fields)
    problems = [*findings.of_columns(), *findings.problems.lines()]
    if problems:
        raise refuse(path, problems)


class _Findings:
    def __init__(self, header: Sequence[str], unit: str) -> None:
        self.header = header
        self.problems = Problems(unit)
        self.rows = 0
        self.missing: dict[str, int] = dict.fromkeys(FEATURE_NAMES, 0)
        self.first_missing: dict[str, list[int]] = {name: [] for name in FEATURE_NAMES}
        self.classes: set[float] = set()

    def check(self, where: int, fields: Sequence[str]) -> None:
        self.rows += 1
        if len(fields) != len(self.header):
            self.problems.add(where, *wrong_width(fields, len(self.header)))
            return
        for column, text in zip(self.header, fields, strict=True):
            if text == "":
                self._miss(where, column)
            elif problem := field_problem(column, text):
                kind = f"{column} {_COUNTED.sub('', problem)}"
                self.problems.add(where, f"column {column}: {shorten(text)} {problem}", kind)
            elif column == TARGET:
                self.classes.add(float(text))

    def _miss(self, where: int, column: str) -> None:
        if column == TARGET:
            self.problems.add(where, f"column {column}: '' is a missing target; allowed: 0 or 1", "no target")
            return
        self.missing[column] += 1
        if len(self.first_missing[column]) < SHOWN:
            self.first_missing[column].append(where)

    def of_columns(self) -> list[str]:
        """What is wrong with columns as a whole."""
        if self.rows == 0:
            return ["there are columns, but no row of data"]
        problems = [self._too_many_missing(name) for name in FEATURE_NAMES if self._share(name) > MAX_MISSING]
        if self.problems.count == 0 and len(self.classes) == 1:
            only = f"{self.classes.pop():g}"
            problems.append(f"column {TARGET}: all {self.rows:,} rows hold {only!r}; both 0 and 1 are needed")
        return problems

    def _share(self, column: str) -> float:
        return self.missing[column] / self.rows

    def _too_many_missing(self, column: str) -> str:
        count = self.missing[column]
        return (
            f"column {column}: {self._share(column):.1%} of the values are missing ({count:,} of {self.rows:,}); "
            f"allowed: up to {MAX_MISSING:.0%}; {self.problems.unit}s {_listed(self.first_missing[column], count)}"
        )


def check_header(path: Path, header: Sequence[str], where: str, problems: Sequence[str]) -> None:
    """Refuse a file for what `header_problems` found in its column names.

    Raises:
        DataError: lists the problems, where the names stand, and the columns that there must be.
    """
    if problems:
        more = [f"... and {len(problems) - SHOWN:,} more"] if len(problems) > SHOWN else []
        problems = [*(f"{where}{problem}" for problem in problems[:SHOWN]), *more]
        found = shorten(",".join(header), limit=200)
        expected = f"expected columns, in any order: {','.join(COLUMNS)}"
        raise DataError(f"{refuse(path, problems)}\n  {expected}\n  found: {found}")
