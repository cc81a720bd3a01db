"""The command `churn demo`."""

import sys

import click

from churn.cli import run_command

EXIT_CODES = {
    0: "ended by Ctrl-C or SIGTERM, once there was something to see",
    2: "bad usage, a port that is taken, or a step that failed",
    130: "interrupted before there was something to see",
}


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the service, on loopback.  [default: a free one]")
@click.option("--no-browser", is_flag=True, help="Print the addresses only.")
def demo(port: int | None, *, no_browser: bool) -> None:
    """Train, serve, send traffic that drifts, and open what there is to see.

    All of it in a temporary folder, which is removed at the end: stays until Ctrl-C.
    """
    sys.exit(run_command("churn demo", lambda: _run(port, browse=not no_browser)))


def _run(port: int | None, *, browse: bool) -> int:
    # Imported here, so that `--help` answers at once.
    from churn import console

    with console.phase("starting"):
        from churn.demo.run import run_demo

    return run_demo(port, browse=browse)
