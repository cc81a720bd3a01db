"""Window of the journal: the served model's last predictions, which are compared with training."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from churn.console import reading
from churn.drift.distribution import Categories, Numbers, Summary
from churn.errors import NothingToJudge
from churn.journal.files import journal_files, size
from churn.journal.moments import EARLIEST, format_moment, latest_moment
from churn.journal.newest import load_newest
from churn.journal.record import FutureLines, Served, feature_columns
from churn.journal.scan import Scan, open_scan
from churn.schema.record import MISSING_CATEGORY

MAX_VALUES = 100_000
"""Distinct values that are kept of a window beyond that size: its distribution is then known to 1/100,000."""


@dataclass(frozen=True)
class Window:
    """Predictions of one model.

    Attributes:
        model: BentoML tag of the model.
        rows: number of predictions.
        first: moment of the oldest, in microseconds since 1970 UTC.
        last: moment of the newest.
        features: distribution of each feature, in the order of the schema.
        prediction: distribution of the probabilities.
        others: number of records of other models in that time, by tag.
        broken: number of broken lines among those that were read.
        files: number of files of the journal.
        future: lines among those that were read that are dated later than now.

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
        """Digest that identifies the window, so that no alert of it is sent twice."""
        text = f"{self.model} {self.first} {self.last} {self.rows}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def read_window(folder: Path, served: Served, last_n: int | None, since: int | None = None) -> Window:
    """Read the last n records of a model, or those since a moment, or the last n of those; none later than now.

    Args:
        folder: the journal's folder.
        served: the model, and the schema of its table.
        last_n: how many records at most; None for no limit.
        since: microseconds since 1970 UTC; None for any time.

    Raises:
        NothingToJudge: there is no log, it is empty, or it has no record of this model in that time.
        JournalError: a file cannot be read.
    """
    files, model = journal_files(folder), served.model
    start = EARLIEST if since is None else since
    with open_scan(latest_moment(), served) as scan:
        with reading("the journal", sum(map(size, files))) as advance:
            load_newest(scan, files, model, last_n, start, advance)
        scan.cut(model, last_n, start)
        rows, first, last = scan.one("SELECT count(*), coalesce(min(moment), 0), coalesce(max(moment), 0) FROM cut")
        columns = feature_columns(served.schema)
        features: dict[str, Summary] = {
            feature.name: _categories(scan, columns[feature.name], rows)
            if feature.is_category
            else _numbers(scan, columns[feature.name])
            for feature in served.schema.feature
        }
        window = Window(
            model=model,
            rows=rows,
            first=first,
            last=last,
            features=features,
            prediction=_numbers(scan, "probability"),
            others=scan.others(model, first if rows == last_n else start),
            broken=scan.broken(),
            files=len(files),
            future=scan.future(),
        )
    if not rows:
        raise NothingToJudge(_why_nothing(window, folder, since) + window.future.note)
    return window


def _numbers(scan: Scan, column: str) -> Numbers:
    return Numbers.of(scan.numbers(column)).shortened(MAX_VALUES)


def _categories(scan: Scan, column: str, rows: int) -> Categories:
    counts = scan.categories(column)
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
