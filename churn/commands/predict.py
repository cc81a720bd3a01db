"""The command `churn predict`: the prediction for one customer, by a model of the registry or a running service."""

import os
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from churn import cli
from churn.cli import option
from churn.commands.completion import complete_tags
from churn.errors import RecordError, SettingsError

if TYPE_CHECKING:
    from churn.scoring.local import LocalModel
    from churn.scoring.remote import RemoteModel

EXIT_CODES = {
    cli.DONE: "The prediction was printed.",
    cli.BAD_INPUT: "An option or a setting cannot be used, or the model's schema refuses the record.",
    cli.NO_MODEL: "There is no model, or no service at the URL.",
} | cli.ANY_COMMAND


@click.command(cls=cli.Command, context_settings=cli.settings(EXIT_CODES))
@cli.version_option
@click.argument("record", nargs=-1, metavar="[NAME=VALUE]... | JSON | -")
@option(
    "--model", metavar="TAG", show_default="the current one", help="Predict with this model, name:version.",
    shell_complete=complete_tags,
)  # fmt: skip
@option("--url", metavar="URL", help="Ask the service there, with the token of CHURN_PREDICT_TOKEN or its _FILE.")
@option("--explain", is_flag=True, help="Add what each feature contributes.")
def predict(record: tuple[str, ...], model: str | None, url: str | None, explain: bool) -> int:
    """Predict whether one customer will leave; prints the JSON answer of POST /predict.

    The record is one NAME=VALUE for each field, or one JSON object, or "-" for JSON on standard input.
    Without a record, the fields that the model takes are listed, with an example to copy.
    """
    source = _model(model, url)
    if not record:
        given = (("--model", model), ("--url", url))
        _list_fields(source, [part for name, value in given if value for part in (name, value)])
        return cli.BAD_INPUT
    try:
        answer = source.predict(_body(record, source), explain=explain)
    except RecordError as error:
        raise RecordError(_described(error), error.problems) from None
    # Bytes: JSON is UTF-8, whatever the terminal is.
    sys.stdout.buffer.write(_shown(answer) + b"\n")
    return cli.DONE


def _model(tag: str | None, url: str | None) -> "LocalModel | RemoteModel":
    for name, value in (("--model", tag), ("--url", url)):
        if value == "":
            raise SettingsError(f"{name} is empty; is a variable of the shell not set?")
    if url is None:
        from churn.scoring.local import LocalModel

        return LocalModel(tag)
    if tag is not None:
        raise SettingsError("--model goes without --url: a service answers by its current model")
    from churn.scoring.remote import RemoteModel
    from churn.settings import read_settings
    from churn.settings.environment import Environment

    given = Environment({"--url": url})
    given.url("--url")
    if given.problems:
        raise SettingsError(given.problems[0])
    return RemoteModel(url, read_settings().predict.value)


def _body(record: Sequence[str], model: "LocalModel | RemoteModel") -> bytes:
    if len(record) == 1 and record[0] == "-":
        return sys.stdin.buffer.read()
    if len(record) == 1 and record[0].lstrip().startswith("{"):
        return os.fsencode(record[0])
    from churn.scoring.fields import record_of

    return record_of(record, model.features)


def _list_fields(model: "LocalModel | RemoteModel", options: Sequence[str]) -> None:
    from churn.scoring.fields import example_arguments, listing

    fields = listing(model.features, model.card)
    cli.tell(cli.called_as(), f"give the fields of a customer; {model.card['model_tag']} takes these:")
    example = shlex.join(["churn", "predict", *options, *example_arguments(model.features, model.card)])
    # Not wrapped, so that the example can be copied.
    sys.stderr.write("".join(f"  {line}\n" for line in fields) + f"\n  {example}\n")


def _described(error: RecordError) -> str:
    """The message, and one line for each problem: where, and what."""
    lines = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}".removeprefix(": ") for problem in error.problems]
    return "\n  ".join([str(error), *lines])


def _shown(answer: bytes) -> bytes:
    """JSON: indented at a terminal, else on one line."""
    import orjson

    return orjson.dumps(orjson.loads(answer), option=orjson.OPT_INDENT_2) if sys.stdout.isatty() else answer
