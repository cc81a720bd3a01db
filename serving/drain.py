"""Leaving without dropping a request: told by a file that the pod will end, while it still answers.

Kubernetes runs preStop before SIGTERM. It makes the file; from then on `/ready` says 503 and each answer asks
its client to close the connection, so that none is open when SIGTERM comes. A file, because preStop can make
one without a network, a token or a tool in the image, and it reaches every worker.
"""

import threading
import time
from pathlib import Path

LOOK_SECONDS = 0.2


class Drain:
    """Looks for the file that says so; `draining` costs the request path one attribute.

    Only a file made after this process started counts, so that one left in a reused /tmp does not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.draining = False
        self._started = time.time()
        self._stop = threading.Event()

    def start(self) -> None:
        """Look in a thread that ends with the process."""
        threading.Thread(target=self._run, name="drain", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self.draining = self._asked()

    def _asked(self) -> bool:
        try:
            return self.path.stat().st_mtime >= self._started - 1
        except OSError:
            return False
