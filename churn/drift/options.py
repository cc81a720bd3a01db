"""Command-line options of `churn drift`, beside the thresholds, which replace those of the settings."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DriftOptions:
    """Options of drift detection.

    Attributes:
        last_n: maximum number of records in the window, the newest; None for no limit.
        since: moment of the window's oldest record, in microseconds since 1970 UTC; None for any time.
        json: additional file for the report as JSON; None for none.
        html: additional file for the report as a page; None for none.

    """

    last_n: int | None
    since: int | None
    json: Path | None
    html: Path | None


@dataclass(frozen=True)
class PerformanceOptions:
    """Options of performance evaluation.

    Attributes:
        labels: CSV or Parquet file with `request_id` and the target's column.
        json: file for the figures as JSON; None for none.

    """

    labels: Path
    json: Path | None
