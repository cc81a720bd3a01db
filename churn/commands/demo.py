"""The command `churn demo`: its options. The flow: `churn/demo/run.py`."""

import click

from churn import cli
from churn.cli import option
from churn.option_types import WholeNumber

EXIT_CODES = {
    cli.DONE: "Ended by Ctrl-C or SIGTERM, when all was shown.",
    cli.CRASH: cli.ANY_COMMAND[cli.CRASH],
    cli.BAD_INPUT: "An option cannot be used, the port is taken, or a step failed.",
    cli.INTERRUPTED: "Interrupted before all was shown.",
}


@click.command(cls=cli.Command, context_settings=cli.settings(EXIT_CODES, "interrupted, nothing is left"))
@option(
    "--port",
    type=WholeNumber(1, 65535),
    metavar="N",
    show_default="a free one",
    help="Serve on this port of 127.0.0.1.",
)
@option("--no-browser", is_flag=True, help="Print the addresses, and open none.")
def demo(port: int | None, *, no_browser: bool) -> int:
    """Train, serve and drift, and open what there is to see.

    It trains on the bundled data, serves the model, sends ordinary and then drifting traffic, and looks for drift
    after each, in a folder of its own. It stays until Ctrl-C, and then removes the folder.
    """
    from churn import console

    with console.phase("starting"):
        from churn.demo.run import run_demo

    return run_demo(port, browse=not no_browser)
