"""Circus (as kantoku 0.18, BentoML's release of it): SIGTERM and Ctrl-C while it starts or replaces a worker.

Circus, with which BentoML supervises the workers, refuses to stop while it does so, and forgets that it was asked: a
pod would be killed at the end of its grace period, a second Ctrl-C be needed (circus-tent/circus 935). Here it is
asked again until it stops.

What it does not promise and is used here: `SysHandler.quit` is replaced, and `Arbiter._stopping` is read, which says
that it has begun to stop. Goes with a release that mends 935.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from circus.sighandler import SysHandler

ASK_AGAIN_SECONDS = 0.05


def do_not_forget_to_stop() -> None:
    """To be called in the supervising process, before it starts the workers."""
    from circus.sighandler import SysHandler  # noqa: PLC0415 - which the workers do without

    ask = SysHandler.quit

    def ask_until_it_stops(handler: "SysHandler") -> None:
        controller = handler.controller

        def again() -> None:
            if not controller.arbiter._stopping:  # Circus says it nowhere else
                ask(handler)
                controller.loop.call_later(ASK_AGAIN_SECONDS, again)

        controller.loop.add_callback_from_signal(again)

    SysHandler.quit = ask_until_it_stops
