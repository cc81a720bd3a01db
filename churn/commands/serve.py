"""The command `churn serve`: BentoML's `bentoml serve` of serving/service.py, in this process."""

import os
from importlib.machinery import PathFinder
from pathlib import Path

import click

import churn
from churn import cli
from churn.cli import option
from churn.errors import ChurnError, RegistryError
from churn.option_types import WholeNumber

SERVICE = "serving.service:ChurnApi"
EXIT_CODES = {
    cli.DONE: "Stopped by Ctrl-C or SIGTERM.",
    cli.CRASH: cli.ANY_COMMAND[cli.CRASH],
    cli.BAD_INPUT: "An option or a setting cannot be used, or the port is taken.",
    5: "A worker died twice within a minute.",
    cli.INTERRUPTED: "Interrupted before it served.",
}


@click.command(
    cls=cli.Command,
    context_settings=cli.settings(EXIT_CODES) | {"ignore_unknown_options": True},
    options_metavar="[OPTIONS]",
)
@option("--host", metavar="ADDRESS", show_default="$BENTOML_HOST, else 0.0.0.0", help="Listen on this address.")
@option(
    "--port",
    type=WholeNumber(1, 65535),
    metavar="N",
    show_default="$BENTOML_PORT, else 3000",
    help="Listen on this port.",
)
@option("--reload", is_flag=True, help="Start again whenever the code in the folder changes.")
@click.argument("others", nargs=-1, type=click.UNPROCESSED, metavar="")
def serve(host: str | None, port: int | None, *, reload: bool, others: tuple[str, ...]) -> int:
    """Serve the current model over HTTP.

    The service takes each model that is promoted later, and waits where there is none yet. CHURN_WORKERS says how many
    workers it has. All other options of `bentoml serve` are taken too, such as `--timeout-keep-alive 75`.
    """
    _check_folder()
    _tell_without_model()
    from bentoml_cli.cli import cli as bentoml

    given = {"--host": host, "--port": port}
    options = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    # It ends the process itself, with its exit code.
    bentoml(["serve", SERVICE, *options, *(["--reload"] if reload else []), *others], prog_name="churn")
    return cli.DONE


def _check_folder() -> None:
    """Refuse a folder with a `churn.py` or the like: BentoML's workers would import it instead of what is installed.

    Raises:
        ChurnError: names the file, and what to do; or the folder itself is gone.
    """
    try:
        here = str(Path.cwd())
    except FileNotFoundError:
        raise ChurnError("the current folder was removed; start in another one") from None
    installed = Path(churn.__file__).parents[1]
    for name in ("churn", "serving"):
        found = PathFinder.find_spec(name, [here])
        if found and found.origin and Path(found.origin).resolve() != installed / name / "__init__.py":
            raise ChurnError(
                f"{found.origin} hides the package {name!r} that is installed; rename it, or start in another folder "
                "with CHURN_HOME set to this one"
            )


def _tell_without_model() -> None:
    # Imported here, so that `--help` answers at once.
    from churn.registry.layout import Layout
    from churn.registry.pointer import read_pointer
    from churn.settings.environment import Environment

    variables = Environment(os.environ)
    home = variables.folder("CHURN_HOME")
    if variables.problems:
        return  # the service says which
    try:
        read_pointer(Layout(home))
    except RegistryError as error:
        cli.tell(cli.called_as(), f"{error}; the service starts without a model, and takes the first that is promoted")
