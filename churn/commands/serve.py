"""The command `churn serve`: BentoML's `bentoml serve` of serving/service.py, in this process."""

import os
import runpy
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import click

import churn
from churn.cli import run_command, tell
from churn.errors import ChurnError, RegistryError

NAME = "churn serve"
SERVICE = "serving.service:ChurnApi"
EXIT_CODES = {
    0: "stopped by Ctrl-C or SIGTERM",
    2: "bad usage, a setting that is not allowed, or a port that is taken",
    5: "a worker died twice within a minute",
    130: "interrupted before it served",
}


@click.command(context_settings={"ignore_unknown_options": True}, options_metavar="[OPTIONS]")
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: BENTOML_HOST, else 0.0.0.0: all]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: BENTOML_PORT, else 3000]")
@click.option("--reload", is_flag=True, help="Start again whenever the code of the folder changes.")
@click.argument("others", nargs=-1, type=click.UNPROCESSED, metavar="")
def serve(host: str | None, port: int | None, *, reload: bool, others: tuple[str, ...]) -> None:
    """Serve the current model of CHURN_HOME over HTTP, and each that is promoted later.

    Takes all options of `bentoml serve`, such as `--timeout-keep-alive 75`. CHURN_WORKERS sets how many workers there
    are. Without a model it starts and waits for one.
    """
    given = {"--host": host, "--port": port}
    options = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    sys.exit(run_command(NAME, lambda: _serve([*options, *(["--reload"] if reload else []), *others])))


def _serve(options: list[str]) -> int:
    _check_folder()
    _tell_without_model()
    sys.argv = ["churn", "serve", SERVICE, *options]
    runpy.run_module("bentoml", run_name="__main__")
    return 0


def _check_folder() -> None:
    """Refuse a folder with a `churn.py` or the like: BentoML's workers would import it instead of what is installed.

    Raises:
        ChurnError: names the file, and what to do.
    """
    installed = Path(churn.__file__).parents[1]
    for name in ("churn", "serving"):
        found = PathFinder.find_spec(name, [str(Path.cwd())])
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
        tell(NAME, f"{error}; the service starts without a model, and takes the first that is promoted")
