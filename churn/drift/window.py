"""The part of the journal that is compared with training: the served model's last predictions."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from churn.drift.distribution import Categories, Numbers, Summary
from churn.errors import NothingToJudge
from churn.journal.record import FutureLines, Record, format_moment, latest_moment
from churn.journal.scan import Progress, Scan, scan_journal
from churn.journal.tail import NewestFirst
from churn.journal.writer import FILE_PATTERN
from churn.schema.record import CATEGORICAL_NAMES, MISSING_CATEGORY, NUMERIC_NAMES

TAIL_LINES = 100_000
"""Lines that are read from the ends of the files, in about half a second, before the whole journal is scanned."""
MAX_VALUES = 100_000
"""Distinct values that are kept of a window beyond that size: its distribution is then known to 1/100,000."""


@dataclass(frozen=True)
class Window:
    """Predictions of one model.

    Attributes:
        model: its BentoML tag.
        rows: how many there are.
        first: moment of the oldest, in microseconds since 1970 UTC.
        last: moment of the newest.
        features: the distribution of each feature.
        prediction: the distribution of the probabilities.
        others: records of other models in the same time, by tag.
        broken: lines that were skipped on the way.
        files: files of the journal.
        future: lines that were skipped on the way since they are dated later than now.

    """

    model: str
    rows: int
    first: int
    last: int
    features: dict[str, Summary]
    prediction: Numbers
    others: dict[str, int]
    broken: int
    files: int
    future: FutureLines

    @property
    def key(self) -> str:
        """The same for the same window, so that nobody is told twice of it."""
        text = f"{self.model} {self.first} {self.last} {self.rows}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def journal_files(folder: Path) -> list[Path]:
    """The files of the journal.

    Raises:
        NothingToJudge: there is none, or all are empty.
    """
    files = [path for path in sorted(folder.glob(FILE_PATTERN)) if path.is_file()]
    if not files:
        raise NothingToJudge(f"there is no prediction log in {folder}; it begins with the first `POST /predict`")
    filled = [path for path in files if _size(path)]
    if not filled:
        raise NothingToJudge(f"the prediction log in {folder} is empty; ask the service for predictions first")
    return filled


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # the service has rotated or deleted it since it was listed
        return 0


def read_window(
    folder: Path, model: str, last_n: int | None, since: int | None = None, progress: Progress | None = None
) -> Window:
    """Read the last n records of a model, or those since a moment, or the last n of those; none later than now.

    Args:
        folder: of the journal.
        model: BentoML tag.
        last_n: how many records at most; None for no limit.
        since: microseconds since 1970 UTC; None for any time.
        progress: told how far it is, where the whole journal has to be read.

    Raises:
        NothingToJudge: there is no log, it is empty, or it has no record of this model in that time.
        JournalError: a file cannot be read.
    """
    files = journal_files(folder)
    asked = _Asked(model, last_n, since, latest_moment())
    window = _read_tail(files, asked) or _read_whole(files, asked, progress)
    if not window.rows:
        raise NothingToJudge(_why_nothing(window, folder, since) + window.future.note)
    return window


class _Asked(NamedTuple):
    """Which records: the last n of a model between two moments."""

    model: str
    last_n: int | None
    since: int | None
    until: int


def _read_tail(files: Sequence[Path], asked: _Asked) -> Window | None:
    """The window, if it ends within `TAIL_LINES` of the newest lines."""
    if asked.last_n is not None and asked.last_n > TAIL_LINES:
        return None
    newest = NewestFirst(files, asked.until, TAIL_LINES, asked.since)
    found: list[Record] = []
    others: Counter[str] = Counter()
    for record in newest:
        if record.model != asked.model:
            others[record.model] += 1
            continue
        found.append(record)
        if len(found) == asked.last_n:
            break
    if newest.read > TAIL_LINES:
        return None
    return _gather(asked.model, found, others, newest)


def _gather(model: str, found: Sequence[Record], others: Counter[str], newest: NewestFirst) -> Window:
    columns = list(zip(*(record.values for record in found), strict=True))
    columns = columns or [()] * (len(NUMERIC_NAMES) + len(CATEGORICAL_NAMES))
    numbers = zip(NUMERIC_NAMES, columns, strict=False)
    texts = zip(CATEGORICAL_NAMES, columns[len(NUMERIC_NAMES) :], strict=True)
    features: dict[str, Summary] = {name: Numbers.of(column) for name, column in numbers}
    features |= {name: Categories.of(Counter(str(text) for text in column)) for name, column in texts}
    return Window(
        model=model,
        rows=len(found),
        first=min((record.moment for record in found), default=0),
        last=max((record.moment for record in found), default=0),
        features=features,
        prediction=Numbers.of([record.probability for record in found]),
        others=dict(sorted(others.items())),
        broken=newest.broken,
        files=len(newest.paths),
        future=newest.future,
    )


def _read_whole(files: Sequence[Path], asked: _Asked, progress: Progress | None) -> Window:
    model, last_n, since, until = asked
    with scan_journal(files, until, progress) as scan:
        scan.cut(model, last_n, since)
        rows, first, last = scan.one("SELECT count(*), coalesce(min(moment), 0), coalesce(max(moment), 0) FROM cut")
        features: dict[str, Summary] = {name: _numbers(scan, name) for name in NUMERIC_NAMES}
        features |= {name: _categories(scan.categories(name), rows) for name in CATEGORICAL_NAMES}
        return Window(
            model=model,
            rows=rows,
            first=first,
            last=last,
            features=features,
            prediction=_numbers(scan, "probability"),
            others=scan.others(model, first if rows == last_n else since),
            broken=scan.broken(),
            files=len(files),
            future=scan.future(),
        )


def _numbers(scan: Scan, name: str) -> Numbers:
    return Numbers.of(scan.numbers(name)).shortened(MAX_VALUES)


def _categories(counts: dict[str, int], rows: int) -> Categories:
    listed = Categories.of(counts)
    return Categories(rows, counts.get(MISSING_CATEGORY, 0), listed.counts, rows - sum(counts.values()))


def _why_nothing(window: Window, folder: Path, since: int | None) -> str:
    where = f"the prediction log in {folder}"
    if window.others:
        tags = ", ".join(f"{tag} ({rows})" for tag, rows in list(window.others.items())[:5])
        return f"{where} has no record of the served model {window.model}, only of others: {tags}"
    if since is not None:
        return f"{where} has no record of {window.model} since {format_moment(since)}; ask for a longer time"
    if window.future.rows:
        return f"{where} has no record of {window.model} up to now"
    if window.broken:
        return f"{where} has only broken lines ({window.broken}); is something else writing there?"
    return f"{where} is empty; ask the service for predictions first"
