"""One thread for all that is polled on the registry's volume: the pointer and the latest drift report.

A thread, because a volume that hangs must hold up no request.
"""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger("churn.watcher")


class Poller:
    """Calls each of `polls` at once, then every `seconds`, in a thread that ends with the process."""

    def __init__(self, seconds: float, *polls: Callable[[], None]) -> None:
        self._seconds = seconds
        self._polls = polls
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a poll that hangs is left behind after 5 s."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.is_set():
            for poll in self._polls:
                try:
                    poll()
                except Exception:  # one that is not foreseen must not end the polling: no model would be loaded again
                    log.exception("looking at the registry failed")
            self._stop.wait(self._seconds)
