"""Command-line kit: exit codes, errors as messages, commands that return their exit code."""

import errno
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, override

import click

from churn import __version__
from churn.errors import ChurnError, NoModel, NothingToJudge, SchemaChangeRefused

VERSION = f"churn-api {__version__}"
DONE, CRASH, BAD_INPUT, FOUND, CANNOT_JUDGE, INTERRUPTED = 0, 1, 2, 3, 4, 130
NO_MODEL = 4
"""Exit codes. `FOUND`: a candidate was refused, drift detected, a schema change not accepted, or the registry not in
order."""
ANY_COMMAND = {
    CRASH: "A crash: a fault of the program. Without a message: nobody read the output to its end.",
    INTERRUPTED: "Interrupted by Ctrl-C.",
}
"""Exit codes that any command may end with, beside those of its own table."""
_UNWRITTEN = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What standard output may fail with."""


class Ends(NamedTuple):
    """How a command can end: its exit codes with their meanings, and what is said after Ctrl-C."""

    codes: Mapping[int, str]
    interrupted: str


def settings(exit_codes: Mapping[int, str], interrupted: str = "interrupted") -> dict[str, Any]:
    """Context settings of a command, and of those below it."""
    ends = Ends(exit_codes, interrupted)
    return {"help_option_names": ["--help", "-h"], "show_default": True, "obj": ends}


class Command(click.Command):
    """Command whose function returns its exit code, with context settings of `settings`."""

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; Click leaves out in which command an option lacks its value."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    @override
    def invoke(self, ctx: click.Context) -> int:
        """Run it; a user's mistake is a message."""
        return run_command(called_as(), lambda: int(super(Command, self).invoke(ctx)), ctx.obj.interrupted)

    @override
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the exit codes."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), text) for code, text in sorted(ctx.obj.codes.items())])


class Group(Command, click.Group):
    """Group of such commands."""

    command_class = Command

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order of the source."""
        return list(self.commands)


class Option(click.Option):
    """Option that takes none of the command's other options for its value."""

    @override
    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Convert what was given."""
        options = {name for param in ctx.command.params if isinstance(param, click.Option) for name in param.opts}
        for text in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(text, str) and text in options:
                raise click.BadOptionUsage(self.opts[0], f"{self.opts[0]} needs a value; {text} is an option.", ctx)
        return super().type_cast_value(ctx, value)

    @override
    def get_help_extra(self, ctx: click.Context) -> Any:
        """What stands in brackets after the help; Click puts a default in words between parentheses."""
        extra = super().get_help_extra(ctx)
        return extra | {"default": self.show_default} if isinstance(self.show_default, str) else extra


option = partial(click.option, cls=Option)
version_option = click.version_option(__version__, message=VERSION, help="Print the software's version.")


def run(command: click.Command, name: str, arguments: Sequence[str] | None = None) -> int:
    """Run a command as it was called; returns its exit code. Bad usage is one line on standard error.

    Args:
        command: `churn`, or one of its commands under an old name.
        name: what was called, such as `churn`, `train.py` or `python -m churn.registry`.
        arguments: what follows it; None takes those of the process.

    """
    _open_closed_streams()
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = command.main(given, prog_name=name, standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return BAD_INPUT
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else name
        message = error.format_message()
        stop = "" if message.endswith((".", "?", "?)")) else "."
        tell(_short(path), f"{message}{stop} See `{path} --help`.")
        return BAD_INPUT
    except click.Abort:
        tell(_short(name), "interrupted")
        return INTERRUPTED
    except OSError as error:
        # Those of files have names.
        if error.filename is not None or error.errno not in _UNWRITTEN:
            raise
        return _give_up_output(_short(name), error)
    return code if isinstance(code, int) else DONE


def _open_closed_streams() -> None:
    """Replace standard streams that whoever started the process has closed (`>&-`), which are None."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def _give_up_output(name: str, error: OSError) -> int:
    """Leave the rest of the output; one that nobody reads any more (`| head`) is no mistake to tell of."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno == errno.EPIPE:
        return CRASH
    tell(name, f"the output cannot be written: {error.strerror}")
    return BAD_INPUT


def called_as() -> str:
    """What is running, before each of its messages: `churn train`, `train.py`, `churn.registry list`."""
    context = click.get_current_context(silent=True)
    return _short(context.command_path) if context else Path(sys.argv[0]).name


def _short(path: str) -> str:
    return path.removeprefix("python -m ")


def run_command(name: str, command: Callable[[], int], interrupted: str = "interrupted") -> int:
    """Run a command; returns its exit code. A user's mistake is one line on standard error, never a traceback.

    Args:
        name: what was called, before each message.
        command: does the work and returns its exit code.
        interrupted: what is said after Ctrl-C.

    """
    try:
        return command()
    except NothingToJudge as error:
        tell(name, f"cannot judge: {error}")
        return CANNOT_JUDGE
    except NoModel as error:
        tell(name, str(error))
        return NO_MODEL
    except SchemaChangeRefused as error:
        tell(name, str(error))
        return FOUND
    except (ChurnError, ModuleNotFoundError) as error:
        tell(name, str(error) if isinstance(error, ChurnError) else _lacking(error))
        return BAD_INPUT
    except KeyboardInterrupt:
        tell(name, interrupted)
        return INTERRUPTED


def _lacking(error: ModuleNotFoundError) -> str:
    """What to do about a module that is not installed.

    Raises:
        ModuleNotFoundError: it is one of ours, which is a fault of the program.
    """
    if (error.name or "").partition(".")[0] in ("churn", "serving", ""):
        raise error
    return f"{error}: in an image that only serves, run a Job of the full image; elsewhere, install the project again"


def tell(name: str, message: str) -> None:
    """Write a message to standard error: wrapped at spaces at a terminal, as it is otherwise.

    Args:
        name: what was called, before the message.
        message: one line or more.

    """
    text = f"{name}: {message}"
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        whole = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)
        text = "\n".join(map(whole.fill, text.splitlines()))
    sys.stderr.write(f"{text}\n")
