"""Why a training file cannot be used: a look at every field, taken only once something is known to be wrong."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from churn.columns import COLUMNS, MAX_MISSING, field_problem, shorten
from churn.errors import DataError
from churn.schema import FEATURE_NAMES, TARGET

SHOWN = 5
"""So many problems of a file are listed; the rest are counted."""

type Record = tuple[int, Sequence[str]]


def refuse(path: Path, problems: Sequence[str], total: int | None = None) -> DataError:
    """The error that lists what is wrong with a file; `total` counts the problems where not all are given."""
    total = len(problems) if total is None else total
    shown = list(problems[:SHOWN])
    if total > len(shown):
        shown.append(f"... and {total - len(shown):,} more")
    return DataError("\n  ".join([f"{path} cannot be used:", *shown]))


def check_records(path: Path, header: Sequence[str], records: Iterable[Record], unit: str) -> None:
    """Look at every field of a file.

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
        findings.look(where, fields)
    of_columns = findings.of_columns()
    if of_columns or findings.found:
        raise refuse(path, [*of_columns, *findings.found], len(of_columns) + findings.count)


class _Findings:
    def __init__(self, header: Sequence[str], unit: str) -> None:
        self.header = header
        self.unit = unit
        self.rows = 0
        self.count = 0
        self.found: list[str] = []
        self.missing: dict[str, int] = dict.fromkeys(FEATURE_NAMES, 0)
        self.first_missing: dict[str, list[int]] = {name: [] for name in FEATURE_NAMES}
        self.classes: set[float] = set()

    def look(self, where: int, fields: Sequence[str]) -> None:
        self.rows += 1
        if len(fields) != len(self.header):
            start = shorten(",".join(fields))
            self._add(where, f"{len(fields)} fields instead of {len(self.header)}: {start}")
            return
        for column, text in zip(self.header, fields, strict=True):
            if text == "":
                self._miss(where, column)
            elif problem := field_problem(column, text):
                self._add(where, f"column {column}: {shorten(text)} {problem}")
            elif column == TARGET:
                self.classes.add(float(text))

    def _add(self, where: int, text: str) -> None:
        self.count += 1
        if len(self.found) < SHOWN:
            self.found.append(f"{self.unit} {where}, {text}")

    def _miss(self, where: int, column: str) -> None:
        if column == TARGET:
            self._add(where, f"column {column}: '' is a missing target; allowed: 0 or 1")
            return
        self.missing[column] += 1
        if len(self.first_missing[column]) < SHOWN:
            self.first_missing[column].append(where)

    def of_columns(self) -> list[str]:
        """What is wrong with columns as a whole."""
        if self.rows == 0:
            return ["there are columns, but no row of data"]
        problems = [self._too_many_missing(name) for name in FEATURE_NAMES if self._share(name) > MAX_MISSING]
        if self.count == 0 and len(self.classes) == 1:
            only = f"{self.classes.pop():g}"
            problems.append(f"column {TARGET}: all {self.rows:,} rows hold {only!r}; both 0 and 1 are needed")
        return problems

    def _share(self, column: str) -> float:
        return self.missing[column] / self.rows

    def _too_many_missing(self, column: str) -> str:
        count, places = self.missing[column], self.first_missing[column]
        more = f" ... and {count - len(places):,} more" if count > len(places) else ""
        return (
            f"column {column}: {self._share(column):.1%} of the values are missing ({count:,} of {self.rows:,}); "
            f"allowed: up to {MAX_MISSING:.0%}; {self.unit}s {', '.join(map(str, places))}{more}"
        )


def check_header(path: Path, header: Sequence[str], where: str, problems: Sequence[str]) -> None:
    """Refuse a file for what `header_problems` found in its column names.

    Raises:
        DataError: lists the problems, where the names stand, and the columns that there must be.
    """
    if problems:
        found = shorten(",".join(header), limit=200)
        expected = f"expected columns, in any order: {','.join(COLUMNS)}"
        raise DataError(
            f"{refuse(path, [f'{where}{problem}' for problem in problems])}\n  {expected}\n  found: {found}"
        )
