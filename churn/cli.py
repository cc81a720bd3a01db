"""Command-line helpers: exit codes, errors as messages, types of options."""

import argparse
import re
import shutil
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

from churn import __version__
from churn.errors import ChurnError, NoModel, NothingToJudge, SchemaChangeRefused

VERSION = f"churn-api {__version__}"
DONE, BAD_INPUT, FOUND, CANNOT_JUDGE, INTERRUPTED = 0, 2, 3, 4, 130
NO_MODEL = 4
"""Exit codes. `FOUND`: a candidate was refused, drift detected, a schema change not accepted, or the registry not in
order. 1 is a crash."""


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
        serves_only = "the image that only serves lacks it; run a Job of the full image"
        tell(name, str(error) if isinstance(error, ChurnError) else f"{error}: {serves_only}")
        return BAD_INPUT
    except KeyboardInterrupt:
        tell(name, interrupted)
        return INTERRUPTED


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


def add_version(parser: argparse.ArgumentParser) -> None:
    """Give a command `--version`."""
    parser.add_argument("--version", action="version", version=VERSION, help="print the software's version and end")


def whole_number(minimum: int = 0, maximum: int = 10**18 - 1) -> Callable[[str], int]:
    """An option's type: a whole number in this range, inclusive; `1_000` and digits of other scripts are none."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not minimum <= int(text) <= maximum:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {minimum} to {maximum}")
        return int(text)

    return parse


def output_file(text: str) -> Path:
    """An option's type: a file to write, in a folder that is there; asked now, it costs no work."""
    path = Path(text)
    try:
        is_folder, has_folder = path.is_dir(), path.parent.is_dir()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be written: {error.strerror}") from None
    if is_folder:
        raise argparse.ArgumentTypeError(f"{text!r} is a folder; give the name of a file")
    if not has_folder:
        raise argparse.ArgumentTypeError(f"{text!r} is in no folder that there is; make {str(path.parent)!r} first")
    return path


def reason(text: str) -> str:
    """An option's type: a reason, which is recorded."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the reason is empty; say why")
    return text.strip()


def number(minimum: float, maximum: float) -> Callable[[str], float]:
    """An option's type: a number in this range, inclusive."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not minimum <= value <= maximum:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {minimum:g} to {maximum:g}")
        return value

    return parse
