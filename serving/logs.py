"""Structured logs: one JSON object a line on stderr, at `LOG_LEVEL`."""

import logging
import logging.config
import sys
from datetime import UTC, datetime
from types import TracebackType

from pythonjsonlogger.json import JsonFormatter

_FIELDS = "%(asctime)s %(levelname)s %(name)s %(message)s"


class JsonLines(JsonFormatter):
    """One JSON object a line; the time is UTC, as in the answers and in the journal."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802 - logging's
        """ISO 8601, in milliseconds."""
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def configure_logging(level: str) -> None:
    """Send this process's log to stderr as JSON lines: BentoML's and the server's, warnings and a crash included."""
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_crash
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": JsonLines,
                    "fmt": _FIELDS,
                    "rename_fields": {"asctime": "ts", "levelname": "level", "name": "logger", "message": "event"},
                    "json_ensure_ascii": False,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"level": "WARNING", "handlers": ["stderr"]},
            "loggers": {
                "churn": {"level": level.upper()},
                "bentoml": {"level": level.upper(), "handlers": [], "propagate": True},
                # Its warnings are one for each request that is not HTTP: those are counted, not logged.
                "uvicorn.error": {"level": "ERROR", "handlers": [], "propagate": True},
                # The server asks this logger for handlers at each connection: none, no access log. Ours is
                # `churn.http` at debug.
                "uvicorn.access": {"handlers": [], "propagate": False},
            },
        }
    )


def _log_crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("churn").critical("crashed", exc_info=(kind, error, trace))
