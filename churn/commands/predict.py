"""The command `churn predict`: the prediction for one customer, by a model of the registry or a running service."""

import os
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from churn.cli import BAD_INPUT, DONE, NO_MODEL, run_command, tell
from churn.errors import RecordError, SettingsError

if TYPE_CHECKING:
    from churn.scoring.local import LocalModel
    from churn.scoring.remote import RemoteModel

NAME = "churn predict"
EXIT_CODES: dict[int, str] = {
    DONE: "predicted",
    BAD_INPUT: "bad usage, or a record that the model's schema refuses",
    NO_MODEL: "no model, or no service at the URL",
}


@click.command()
@click.argument("record", nargs=-1, metavar="[NAME=VALUE]... | JSON | -")
@click.option("--model", metavar="TAG", help="model, name:version (default: the current one)")
@click.option("--url", metavar="URL", help="ask the service there, with the token of CHURN_PREDICT_TOKEN (or _FILE)")
@click.option("--explain", is_flag=True, help="add what each feature contributes")
def predict(record: tuple[str, ...], model: str | None, url: str | None, explain: bool) -> None:
    """Predict whether one customer will leave; prints the JSON answer of POST /predict.

    The record is one NAME=VALUE for each field, or one JSON object, or "-" for JSON on standard input.
    Without a record, the fields that the model takes are listed, with an example to copy.
    """
    sys.exit(run_command(NAME, partial(_predict, record, model, url, explain=explain)))


def _predict(record: Sequence[str], tag: str | None, url: str | None, *, explain: bool) -> int:
    model = _model(tag, url)
    if not record:
        _list_fields(
            model, [part for name, value in (("--model", tag), ("--url", url)) if value for part in (name, value)]
        )
        return BAD_INPUT
    try:
        answer = model.predict(_body(record, model), explain=explain)
    except RecordError as error:
        raise RecordError(_described(error), error.problems) from None
    sys.stdout.write(f"{_shown(answer)}\n")
    return DONE


def _model(tag: str | None, url: str | None) -> "LocalModel | RemoteModel":
    for option, value in (("--model", tag), ("--url", url)):
        if value == "":
            raise SettingsError(f"{option} is empty; is a variable of the shell not set?")
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
    tell(NAME, f"give the fields of a customer; {model.card['model_tag']} takes these:")
    example = shlex.join([*NAME.split(), *options, *example_arguments(model.features, model.card)])
    # Not wrapped, so that the example can be copied.
    sys.stderr.write("".join(f"  {line}\n" for line in fields) + f"\n  {example}\n")


def _described(error: RecordError) -> str:
    """The message, and one line for each problem: where, and what."""
    lines = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}".removeprefix(": ") for problem in error.problems]
    return "\n  ".join([str(error), *lines])


def _shown(answer: bytes) -> str:
    """JSON: indented at a terminal, else on one line."""
    import orjson

    return (orjson.dumps(orjson.loads(answer), option=orjson.OPT_INDENT_2) if sys.stdout.isatty() else answer).decode()
