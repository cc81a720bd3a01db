"""Moments of journal lines: microseconds since 1970 UTC, written as ISO 8601."""

from datetime import UTC, datetime, timedelta

_CLOCKS_DIFFER = timedelta(minutes=5)


def latest_moment() -> int:
    """Latest moment of a line that counts: now, plus what clocks may differ by."""
    return _micros(datetime.now(UTC) + _CLOCKS_DIFFER)


def parse_moment(text: str) -> int | None:
    """Moment of an ISO 8601 time, UTC where it names no zone.

    None where it is no time, or in UTC not in the years 1 to 9999, which is what `format_moment` can write.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    micros = _micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return micros if EARLIEST <= micros <= LATEST else None


def format_moment(moment: int) -> str:
    """Inverse of `parse_moment`."""
    seconds, micros = divmod(moment, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros).isoformat().replace("+00:00", "Z")


def _micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


EARLIEST, LATEST = _micros(datetime.min.replace(tzinfo=UTC)), _micros(datetime.max.replace(tzinfo=UTC))
"""The moments that have a date."""
