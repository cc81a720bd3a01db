"""Circus (as kantoku 0.18, BentoML's release of it), with which `bentoml serve` supervises the workers.

- A worker that dies is noticed by the signal of its death. Circus looks every 10 s only; until then connections wait
  for nobody, and where it does not replace workers, as in a container, it then ends with a traceback.
- It refuses to stop while it starts or replaces a worker, and forgets that it was asked: a pod would be killed at the
  end of its grace period, a second Ctrl-C be needed (circus-tent/circus 935). Here it is asked again until it stops.
- An address that it cannot listen on is a traceback.

What it does not promise and is used here: `SysHandler.quit`, `Arbiter.initialize`, an arbiter's `manage_watchers` and
`CircusSocket.bind` are replaced; `Arbiter._stopping` and `_exclusive_running_command` are read, which say that it has
begun to stop, or starts or reloads workers; `_exception` is set, with which it ends. Each goes with a release that
replaces workers at once, that mends 935, that says in one line what it cannot bind.
"""

import functools
import logging
import signal
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from churn.cli import BAD_INPUT

if TYPE_CHECKING:
    from circus.arbiter import Arbiter
    from circus.sighandler import SysHandler
    from circus.sockets import CircusSocket
    from circus.watcher import Watcher

log = logging.getLogger("churn.supervisor")

WORKER_DIED = 5
"""Exit code of the service, beside those of `churn.cli`."""
AGAIN_SECONDS = 60.0
RETRY_SECONDS = 0.05


def supervise_workers() -> None:
    """Change how Circus supervises. To be called in the supervising process, before it starts the workers."""
    # Imported here: the workers do without.
    from circus.arbiter import Arbiter  # noqa: PLC0415
    from circus.sighandler import SysHandler  # noqa: PLC0415
    from circus.sockets import CircusSocket  # noqa: PLC0415

    SysHandler.quit = functools.partialmethod(_ask_until_it_stops, SysHandler.quit)
    Arbiter.initialize = functools.partialmethod(_initialize, Arbiter.initialize)
    CircusSocket.bind = _bind_or_end


class Deaths:
    """What follows when a worker ends that was not told to.

    The first is replaced at once: the supervisor holds the listening socket, so new connections wait in its queue for
    the new worker, where an end of the service would have them refused until it is started again. One more within a
    minute ends the service: the cause stays, and who starts services, as Kubernetes, waits longer each time.
    """

    def __init__(self, arbiter: "Arbiter") -> None:
        self._arbiter = arbiter
        self._last = float("-inf")

    def look(self) -> None:
        """Reap the processes that have ended. Called at each signal of a death, and by Circus every 10 s."""
        if self._ends():
            return
        if self._arbiter._exclusive_running_command:
            self._arbiter.loop.call_later(RETRY_SECONDS, self.look)
            return
        for watcher in self._arbiter.iter_watchers():
            watcher.hooks["after_reap"] = self._reaped
        self._arbiter.reap_processes()

    def _reaped(self, watcher: "Watcher", process_pid: int, exit_code: int, **_: object) -> None:
        # Circus would swallow an exception of this hook, and calls it of workers that it stops too, as `--reload` does.
        if not self._ends() and not self._arbiter._exclusive_running_command:
            self._arbiter.loop.add_callback(self._died, watcher, process_pid, exit_code)

    def _died(self, watcher: "Watcher", pid: int, code: int) -> None:
        how = {"signal": -code, "reason": signal.strsignal(-code)} if code < 0 else {"exit_code": code}
        if self._ends():
            return
        last, self._last = self._last, time.monotonic()
        if self._last - last > AGAIN_SECONDS and watcher.spawn_process():
            log.warning("worker died; another starts", extra={"pid": pid, **how})
            return
        log.error("worker died again; the service ends", extra={"pid": pid, **how})
        self._arbiter._exception = SystemExit(WORKER_DIED)
        self._arbiter.sockets.close_all()
        self._arbiter.ctrl.sys_hdl.quit()

    def _ends(self) -> bool:
        return self._arbiter._stopping or self._arbiter._exception is not None


def _initialize(arbiter: "Arbiter", initialize: Callable[["Arbiter"], None]) -> None:
    initialize(arbiter)
    look = Deaths(arbiter).look
    arbiter.manage_watchers = look
    signal.signal(signal.SIGCHLD, lambda *_: arbiter.loop.add_callback_from_signal(look))


def _ask_until_it_stops(handler: "SysHandler", ask: Callable[["SysHandler"], None]) -> None:
    controller = handler.controller

    def again() -> None:
        if not controller.arbiter._stopping:  # Circus says it nowhere else
            ask(handler)
            controller.loop.call_later(RETRY_SECONDS, again)

    controller.loop.add_callback_from_signal(again)


def _bind_or_end(listener: "CircusSocket", address: tuple[str, int]) -> None:
    try:
        socket.socket.bind(listener, address)
    except OSError as error:
        reason = f"listening on {address[0]}:{address[1]} failed: {error.strerror}"
        log.critical("cannot start", extra={"reason": f"{reason}; end what listens there, or give another --port"})
        raise SystemExit(BAD_INPUT) from None
