"""Prometheus metrics of the journal's folder, which all pods share, and of what this worker keeps out of it."""

from pathlib import Path

from prometheus_client import Counter, Gauge

from churn.journal.bound import kept_files


class JournalMetrics:
    """Gauges that follow the folder, and counters for the journal's callbacks.

    Args:
        folder: of the journal.
        max_bytes: its bound.

    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._bytes = Gauge("churn_journal_bytes", "Size of the journal of all pods.", multiprocess_mode="mostrecent")
        self._oldest = Gauge(
            "churn_journal_oldest_timestamp_seconds",
            "When the journal's oldest file was last written to: later lines are all there. 0 without a file.",
            multiprocess_mode="mostrecent",
        )
        self._removed_bytes = Counter("churn_journal_removed_bytes_total", "Size of files removed to hold the bound.")
        self._removed_files = Counter("churn_journal_removed_files_total", "Files removed to hold the bound.")
        self._sampled_out = Counter(
            "churn_journal_sampled_out_total", "Rows of batches that were not to be journalled."
        )
        self._bound = Gauge(
            "churn_journal_max_bytes", "Bound on the size of the journal of all pods.", multiprocess_mode="mostrecent"
        )
        self._bound.set(max_bytes)

    def poll(self) -> None:
        """Set the gauges; a folder that cannot be listed leaves them, and the journal says so at its next line."""
        try:
            files = list(kept_files(self._folder))
        except OSError:
            return
        self._bytes.set(sum(file.size for file in files))
        self._oldest.set(min((file.changed for file in files), default=0))

    def removed(self, size: int) -> None:
        """Count a file that was removed."""
        self._removed_files.inc()
        self._removed_bytes.inc(size)

    def sampled_out(self, rows: int) -> None:
        """Count rows of a batch that were not journalled."""
        self._sampled_out.inc(rows)
