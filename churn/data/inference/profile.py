"""Profile of each column: figures of all rows, and the different texts of a sample."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from churn.data.inference.table import Table, Type
from churn.schema.category import SPACES

SAMPLE_ROWS = 200_000
SAMPLE_FIELDS = 20_000_000
"""Fields of the sample at most, so that its memory does not grow with the columns."""
MISSING_WORDS = ("na", "n/a", "#n/a", "null", "none", "nan", "?", "-", "unknown")
"""Texts that mean a missing value where they stand among numbers, in lower case."""


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_MOST_MARKS = 20
"""A column has fewer, so that these are all. DISTINCT would take a hash table of megabytes a column."""


class Level(NamedTuple):
    """One text of a column of the sample, without outer blanks; None is a missing value.

    Attributes:
        text: as it is written.
        rows: how many rows hold it.
        left: in how many of them the customer left, as far as the target is known.
        stayed: and in how many they stayed.

    """

    text: str | None
    rows: int
    left: int = 0
    stayed: int = 0

    @property
    def number(self) -> float | None:
        """The number that the text is, with either decimal mark; None where it is none."""
        text = (self.text or "").replace(",", ".")
        return float(text) if _NUMBER.fullmatch(text) else None


@dataclass
class Profile:
    """What is known of a column.

    Attributes:
        number: of the column in the file, from 0.
        name: in the file.
        type: what Parquet says; in CSV all are text.
        rows: of the table.
        filled: fields that are not blank.
        distinct: different texts, about.
        numbers: fields that are numbers.
        low: the least number, None without numbers; `high` the greatest.
        whole: whether all numbers are whole; None without numbers.
        codes: numbers written with leading zeros, as codes are.
        longest: characters of the longest text without outer blanks.
        marks: texts that may mean that a value is missing, as they are written: blanks and `MISSING_WORDS`.
        marked: how many fields hold one of `MISSING_WORDS`.
        levels: different texts of the sample, the most frequent first.

    """

    number: int
    name: str
    type: Type
    rows: int
    filled: int
    distinct: int
    numbers: int
    low: float | None
    high: float | None
    whole: bool | None
    codes: int
    longest: int
    marks: Sequence[str]
    marked: int
    levels: tuple[Level, ...] = ()

    @property
    def blanks(self) -> tuple[str, ...]:
        """The marks that are nothing but spaces."""
        return tuple(mark for mark in self.marks if not mark.strip(SPACES))

    @property
    def words(self) -> tuple[str, ...]:
        """The marks that are words."""
        return tuple(mark for mark in self.marks if mark.strip(SPACES))

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers and, if need be, marks of missing values."""
        return self.numbers > 0 and self.codes == 0 and self.numbers + self.marked == self.filled

    @property
    def missing(self) -> int:
        """How many values are missing."""
        return self.rows - (self.numbers if self.is_number else self.filled)

    @cached_property
    def known(self) -> tuple[Level, ...]:
        """The levels that are not missing values."""
        lost = {word.strip(SPACES) for word in self.words} if self.is_number else set()
        return tuple(level for level in self.levels if level.text is not None and level.text not in lost)

    @cached_property
    def known_rows(self) -> int:
        """Rows of the sample in which the value is known."""
        return sum(level.rows for level in self.known)

    @property
    def is_unique(self) -> bool:
        """Whether each row of the sample has a value of its own."""
        return self.missing == 0 and len(self.known) == self.known_rows


def profile_columns(table: Table) -> list[Profile]:
    """Profile each column; makes the table `sample`, with `c0`, `c1`, ... as `data`, of all rows or at random ones."""
    columns = range(len(table.names))
    fields = ", ".join(f"{trimmed(n)} AS t{n}, {_number(n, table.decimal)} AS x{n}" for n in columns)
    figures = ", ".join(_figures(n) for n in columns)
    # Made of numbers of columns and of constants.
    (row,) = table.scan(f"SELECT count(*), {figures} FROM (SELECT *, {fields} FROM data)")
    rows, values = row[0], row[1:]
    each = len(values) // len(table.names)
    profiles = [_profile(number, table, rows, values[number * each : (number + 1) * each]) for number in columns]
    wanted = min(SAMPLE_ROWS, SAMPLE_FIELDS // len(table.names))
    # By the hash of the row's number: the same rows whatever the number of threads, and no rhythm of the file's.
    few = f"hash(row) % {rows} < {wanted}" if rows > wanted else "true"
    table.scan(
        "CREATE TEMP TABLE sample AS SELECT * EXCLUDE row "
        f"FROM (SELECT *, row_number() OVER () AS row FROM data) WHERE {few}"
    )
    return profiles


def read_levels(table: Table, profile: Profile, label: str = "NULL") -> tuple[Level, ...]:
    """The levels of a column of the sample; `label` is SQL: 1, 0 or NULL of a row."""
    found = table.rows(
        f"SELECT nullif({trimmed(profile.number)}, '') AS text, count(*) AS n, "
        f"count(*) FILTER ({label} = 1), count(*) FILTER ({label} = 0) FROM sample GROUP BY text ORDER BY n DESC, text"
    )
    return tuple(Level(*row) for row in found)


def _profile(number: int, table: Table, rows: int, figures: Sequence[Any]) -> Profile:
    """The figures come in the order of the class."""
    return Profile(number, table.names[number], table.types[number], rows, *figures)


def _figures(n: int) -> str:
    """SQL of a column's figures. No FILTER: each would copy all columns, which takes gigabytes for 200 of them."""
    word = f"lower(t{n}) IN ({', '.join(repr(word) for word in MISSING_WORDS)})"
    return ", ".join(
        (
            f"count(nullif(t{n}, ''))",
            f"approx_count_distinct(nullif(t{n}, ''))",
            f"count(x{n})",
            f"min(x{n})",
            f"max(x{n})",
            f"bool_and(x{n} = floor(x{n}))",
            f"count(CASE WHEN x{n} IS NOT NULL AND regexp_matches(t{n}, '^[+-]?0[0-9]') THEN 1 END)",
            f"coalesce(max(length(t{n})), 0)",
            f"coalesce(list_sort(approx_top_k(CASE WHEN t{n} = '' OR {word} THEN c{n} END, {_MOST_MARKS})), [])",
            f"count(CASE WHEN {word} THEN 1 END)",
        )
    )


def trimmed(n: int) -> str:
    """SQL of a column's text without outer blanks. The first case is that of most texts, and ten times as fast."""
    return f"CASE WHEN regexp_matches(c{n}, '^[!-~](.*[!-~])?$') THEN c{n} ELSE trim(c{n}, '{SPACES}') END"


def _number(n: int, decimal: str) -> str:
    """The number that a text is, as training reads it: DuckDB would take `nan`, `inf` and `1_000` too."""
    text, strange = f"c{n}", f"contains(c{n}, '_')"
    if decimal == ",":
        text, strange = f"replace(c{n}, ',', '.')", f"regexp_matches(c{n}, '[_.]')"
    number = f"TRY_CAST({text} AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) AND NOT {strange} THEN {number} END"
