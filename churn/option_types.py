"""Types of options, each with its message for what it does not take."""

import re
from pathlib import Path
from typing import Any, override

import click

FILE = click.Path(readable=False, path_type=Path)
"""An option's type: a file or folder, which a shell completes. Who reads it says what is wrong with it."""


class WholeNumber(click.ParamType[int]):
    """An option's type: a whole number in this range, inclusive; `1_000` and digits of other scripts are none."""

    name = "whole number"

    def __init__(self, minimum: int = 0, maximum: int = 10**18 - 1) -> None:
        self._minimum, self._maximum = minimum, maximum

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        if isinstance(value, int):
            return value
        if not re.fullmatch(r"[0-9]{1,18}", value) or not self._minimum <= int(value) <= self._maximum:
            self.fail(f"{value!r} is not a whole number from {self._minimum} to {self._maximum}", param, ctx)
        return int(value)


class Number(click.ParamType[float]):
    """An option's type: a number in this range, inclusive."""

    name = "number"

    def __init__(self, minimum: float, maximum: float) -> None:
        self._minimum, self._maximum = minimum, maximum

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not self._minimum <= number <= self._maximum:
            self.fail(f"{value!r} is not a number from {self._minimum:g} to {self._maximum:g}", param, ctx)
        return number


class Reason(click.ParamType[str]):
    """An option's type: a reason, which is recorded."""

    name = "reason"

    @override
    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The reason without spaces at its ends."""
        return value.strip() or self.fail("the reason is empty; say why", param, ctx)


class OutputFile(click.Path):
    """An option's type: a file to write, in a folder that is there; asked now, it costs no work."""

    def __init__(self, suffix: str = "") -> None:
        super().__init__(path_type=Path)
        self._suffix = suffix

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path."""
        path = Path(value)
        try:
            is_folder, has_folder = path.is_dir(), path.parent.is_dir()
        except OSError as error:
            self.fail(f"{value!r} cannot be written: {error.strerror}", param, ctx)
        if is_folder:
            self.fail(f"{value!r} is a folder; give the name of a file", param, ctx)
        if not has_folder:
            self.fail(f"{value!r} is in no folder that there is; make {str(path.parent)!r} first", param, ctx)
        if self._suffix and path.suffix.lower() != self._suffix:
            self.fail(f"{value!r}: its name must end in {self._suffix}", param, ctx)
        return path
