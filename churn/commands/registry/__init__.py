"""The command `churn registry`, also `python -m churn.registry`: its options. What it answers: `answers.py`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from churn import cli
from churn.cli import option
from churn.commands.completion import complete_tags
from churn.option_types import FILE, Reason, WholeNumber

EXIT_CODES = {
    cli.DONE: "Done. For verify: all is as recorded.",
    cli.BAD_INPUT: "An option, a setting or the registry cannot be used, or a model is unknown or cannot be served.",
    cli.FOUND: "For verify: something is wrong. For promote and rollback: a schema change was not accepted.",
} | cli.ANY_COMMAND
_INTERRUPTED = "interrupted; `churn registry verify` says whether anything is left over"


def _tag[F: Callable[..., Any]](name: str, metavar: str, *, required: bool = True) -> Callable[[F], F]:
    return click.argument(name, metavar=metavar, required=required, shell_complete=complete_tags)


_json = option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
_reason = option("--reason", default="", show_default=False, metavar="TEXT", help="Say why. The history keeps it.")
_accept = option(
    "--accept-schema-change", type=Reason(), metavar="TEXT",
    help="Serve it although it refuses requests that the current model accepts. The text is recorded.",
)  # fmt: skip


@click.group(cls=cli.Group, context_settings=cli.settings(EXIT_CODES, _INTERRUPTED))
@cli.version_option
def registry() -> int:
    """List the models, and choose the one to serve."""
    return cli.DONE


@registry.command("list")
@_json
def list_models(*, as_json: bool) -> int:
    """List the models, oldest first. * marks the current one."""
    from churn.commands.registry import answers

    return answers.give(answers.listed, as_json=as_json)


@registry.command()
@_tag("tag", "[TAG]", required=False)
@option("--html", type=FILE, metavar="FILE", help="Write its report as one HTML page too.")
@_json
def show(tag: str | None, html: Path | None, *, as_json: bool) -> int:
    """Show what is known of a model.

    TAG is name:version; without it, the current model is shown.
    """
    from churn.commands.registry import answers

    return answers.give(lambda models: answers.shown(models, tag, html), as_json=as_json)


@registry.command()
@_tag("first", "A")
@_tag("second", "B")
@option("--html", type=FILE, metavar="FILE", help="Write their reports side by side as one HTML page too.")
@_json
def compare(first: str, second: str, html: Path | None, *, as_json: bool) -> int:
    """Show the facts and metrics of two models side by side.

    A and B are name:version. Differences are B - A.
    """
    from churn.commands.registry import answers

    return answers.give(lambda models: answers.compared(models, first, second, html), as_json=as_json)


@registry.command()
@_tag("tag", "TAG")
@_reason
@_accept
@_json
def promote(tag: str, reason: str, accept_schema_change: str | None, *, as_json: bool) -> int:
    """Serve this model.

    TAG is name:version. Services follow within CHURN_POLL_SECONDS.
    """
    from churn.commands.registry import answers

    return answers.give(lambda models: answers.promoted(models, tag, reason, accept_schema_change), as_json=as_json)


@registry.command()
@_reason
@_accept
@_json
def rollback(reason: str, accept_schema_change: str | None, *, as_json: bool) -> int:
    """Serve again what was served before.

    Each further call goes one promotion further back.
    """
    from churn.commands.registry import answers

    return answers.give(lambda models: answers.rolled_back(models, reason, accept_schema_change), as_json=as_json)


@registry.command()
@_json
def verify(*, as_json: bool) -> int:
    """Check files, records and pointer again.

    Digests, metadata, pointer and history, and whether each model can be served.
    """
    from churn.commands.registry import answers

    return answers.give(answers.verified, as_json=as_json)


@registry.command()
@option("--keep", type=WholeNumber(), required=True, metavar="N", help="Keep so many of the newest.")
@_json
def prune(keep: int, *, as_json: bool) -> int:
    """Remove old models.

    The current model, the one before it, and one that is being read stay.
    """
    from churn.commands.registry import answers

    return answers.give(lambda models: answers.pruned(models, keep), as_json=as_json)
