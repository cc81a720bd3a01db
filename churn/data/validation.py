"""Validation of every field of a training file, to name its problems once it is known to have some."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from churn.data.columns import MAX_MISSING, Columns, shorten
from churn.errors import DataError
from churn.schema.feature import Feature

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


def check_records(
    path: Path, columns: Columns, header: Sequence[str], records: Iterable[Record], unit: str, decimal: str = "."
) -> None:
    """Check every field of a file.

    Args:
        path: the file, for the message.
        columns: those of its schema.
        header: those of the file, in its own order.
        records: for each row of data its number, as a person finds it, and its fields as text, "" for a missing.
        unit: what the numbers count: "line" or "row".
        decimal: the mark of its numbers.

    Raises:
        DataError: names each problem, where it is, the value and what is allowed; the first `SHOWN`.

    """
    findings = _Findings(columns, header, unit, decimal)
    for where, fields in records:
        findings.check(where, fields)
    problems = [*findings.of_columns(), *findings.problems.lines()]
    if problems:
        raise refuse(path, problems)


class _Findings:
    def __init__(self, columns: Columns, header: Sequence[str], unit: str, decimal: str) -> None:
        self.columns = columns
        self.header = header
        self.problems = Problems(unit)
        self.rows = 0
        self.missing: dict[str, int] = dict.fromkeys(columns.features, 0)
        self.first_missing: dict[str, list[int]] = {name: [] for name in columns.features}
        self.classes: set[float] = set()
        self._swap = str.maketrans(".,", ",.") if decimal == "," else None
        identifier = columns.schema.identifier
        self._identifier = header.index(identifier.column) if identifier and identifier.column in header else None

    def check(self, where: int, fields: Sequence[str]) -> None:
        self.rows += 1
        if len(fields) != len(self.header):
            self.problems.add(where, *wrong_width(fields, len(self.header)))
            return
        for column, text in zip(self.header, fields, strict=True):
            if column in self.columns.features:
                self._check_feature(where, column, text, fields)
            elif column == self.columns.target:
                self._check_target(where, text, fields)

    def _check_feature(self, where: int, column: str, text: str, fields: Sequence[str]) -> None:
        if text in self.columns.missing:
            self.missing[column] += 1
            if len(self.first_missing[column]) < SHOWN:
                self.first_missing[column].append(where)
            return
        feature = self.columns.features[column]
        number = text.translate(self._swap) if self._swap and feature.kind in ("integer", "number") else text
        if problem := self.columns.field_problem(column, number):
            kind = f"{column} {_COUNTED.sub('', problem)}"
            self.problems.add(where, f"{self._named(fields)}column {column}: {shorten(text)} {problem}", kind)

    def _check_target(self, where: int, text: str, fields: Sequence[str]) -> None:
        column, allowed = self.columns.target, self.columns.schema.target.allowed
        if not text.strip():
            self.problems.add(
                where, f"{self._named(fields)}column {column}: '' is a missing target; allowed: {allowed}", "no target"
            )
        elif problem := self.columns.field_problem(column, text):
            self.problems.add(
                where, f"{self._named(fields)}column {column}: {shorten(text)} {problem}", f"{column} {problem}"
            )
        else:
            self.classes.add(self.columns.label(text))

    def _named(self, fields: Sequence[str]) -> str:
        """The customer, where the file names it."""
        return "" if self._identifier is None else f"customer {shorten(fields[self._identifier])}, "

    def of_columns(self) -> list[str]:
        """What is wrong with columns as a whole."""
        if self.rows == 0:
            return ["there are columns, but no row of data"]
        problems = [
            self._too_many_missing(feature, column)
            for column, feature in self.columns.features.items()
            if self.missing[column] > most_missing(feature, self.rows)
        ]
        if self.problems.count == 0 and len(self.classes) == 1:
            target = self.columns.schema.target
            only = shorten(str((target.negative, target.positive)[int(self.classes.pop())][0]))
            needed = "customers who left and who stayed are needed"
            problems.append(f"column {target.column}: all {self.rows:,} rows hold {only}; {needed}")
        return problems

    def _too_many_missing(self, feature: Feature, column: str) -> str:
        count = self.missing[column]
        found = f"column {column}: {count / self.rows:.1%} of the values are missing ({count:,} of {self.rows:,})"
        if feature.optional:
            return f"{found}: there is nothing to learn from; leave it out of the features"
        where = f"{self.problems.unit}s {_listed(self.first_missing[column], count)}"
        return f'{found}; allowed: up to {MAX_MISSING:.0%}, any with missing = "impute" in the schema; {where}'


def most_missing(feature: Feature, rows: int) -> float:
    """How many of a feature's values may be missing: all but one of an optional one."""
    return rows - 1 if feature.optional else MAX_MISSING * rows


def check_header(path: Path, columns: Columns, header: Sequence[str], where: str = "") -> None:
    """Refuse a file for its column names.

    Raises:
        DataError: lists what is wrong, `where` the names stand, and the columns that there must be.
    """
    problems = columns.header_problems(header)
    if problems:
        more = [f"... and {len(problems) - SHOWN:,} more"] if len(problems) > SHOWN else []
        problems = [*(f"{where}{problem}" for problem in problems[:SHOWN]), *more]
        found = shorten(",".join(header), limit=200)
        expected = f"expected columns, in any order: {','.join(columns.needed)}"
        raise refuse(path, [*problems, *columns.header_cure(header), expected, f"found: {found}"])
