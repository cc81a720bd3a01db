"""Start of a service process: its settings, its log, and one line where it cannot start or is interrupted."""

import logging
import signal
import sys
from types import FrameType
from typing import NoReturn

from churn.cli import BAD_INPUT, INTERRUPTED
from churn.errors import SettingsError
from churn.settings import Settings, read_settings
from serving.logs import configure_logging
from serving.upstream.bentoml import is_serving

log = logging.getLogger("churn.start")


def read_settings_or_end() -> Settings:
    """The settings; where this process serves, its log is JSON from here on.

    Raises:
        SystemExit: a variable holds what it may not, or, until the server takes its signals, on Ctrl-C.

    """
    serving = is_serving()
    if serving:
        configure_logging("info")
        signal.signal(signal.SIGINT, _interrupted)
    try:
        settings = read_settings()
    except SettingsError as error:
        if serving:
            log.critical("cannot start", extra={"reason": str(error)})
        else:
            sys.stderr.write(f"churn-api cannot be built:\n{error}\n")
        raise SystemExit(BAD_INPUT) from None
    if serving:
        configure_logging(settings.log_level)
    return settings


def _interrupted(_signal: int, _frame: FrameType | None) -> NoReturn:
    log.warning("interrupted")
    raise SystemExit(INTERRUPTED)
