"""Destination of scores: one file, or a folder of parts."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from churn.errors import SettingsError
from churn.scoring.files.inputs import is_read
from churn.scoring.files.options import FORMS, Form, Options


class Destination(NamedTuple):
    """Where scores go.

    Attributes:
        path: of the file, or of the folder.
        form: of the file, or of each part.
        is_folder: whether it is a folder of parts.
        rejects: file for the rows that are set aside; there is none unless they are.

    """

    path: Path
    form: Form
    is_folder: bool
    rejects: Path

    @classmethod
    def of(cls, options: Options) -> "Destination":
        """What the options ask for: a folder where OUT ends in `/`, is one, or has no suffix.

        Raises:
            SettingsError: OUT is of a form that is not written, is in no folder, or does not go with another option.
        """
        path = Path(options.out)
        _check_kind(path)
        suffix = path.suffix.removeprefix(".").lower()
        is_folder = options.out.endswith(("/", "\\")) or _is_folder(path) or not (suffix or path.exists())
        if not _is_folder(path.absolute().parent):
            raise SettingsError(f"--out {path} is in no folder that there is; make {str(path.parent)!r} first")
        if is_folder:
            rejects = options.rejects or path / "_rejects.csv"
            return cls(path, options.form or "parquet", True, rejects)
        form = _form_of_file(path, suffix, options)
        return cls(path, form, False, options.rejects or path.with_name(f"{path.stem}.rejects.csv"))

    def check_apart(self, given: str, inputs: Iterable[Path], *, rejects: bool) -> None:
        """Refuse to write where customers are read from, now or by the next run.

        Args:
            given: names the files that are read.
            inputs: those files.
            rejects: whether a file of rejects is written.

        Raises:
            SettingsError: names both.
        """
        written = [("--out", self.path), *([("--rejects", self.rejects)] if rejects else [])]
        if rejects and self.path.resolve() == self.rejects.resolve():
            raise SettingsError(f"--out and --rejects are both {self.path}; choose two names")
        for name, path in written:
            for source in inputs:
                if path.exists() and source.samefile(path):
                    raise SettingsError(f"{name} {path} is a file that is read too; choose another name")
            if is_read(given, path):
                raise SettingsError(
                    f"{name} {path} is among what {given} names: the next run would read it too; choose another place"
                )
        folder = self.path.resolve()
        for source in inputs:
            if self.is_folder and folder in source.resolve().parents:
                raise SettingsError(f"--out {self.path} is a folder that is read too ({source}); choose another one")


def _check_kind(path: Path) -> None:
    if str(path) == "-" or (_exists(path) and not path.is_file() and not path.is_dir()):
        raise SettingsError(f"--out {path} is no file on a disk, and scores are written to one; give it a name")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise SettingsError(f"--out {path} cannot be written: {error.strerror}") from None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise SettingsError(f"--out {path} cannot be written: {error.strerror}") from None


def _form_of_file(path: Path, suffix: str, options: Options) -> Form:
    form = next((form for form in FORMS if form == suffix), None)
    if form is None:
        endings = ", ".join(f".{form}" for form in FORMS)
        raise SettingsError(f"--out {path}: the name of a file ends in {endings}, and that of a folder in /")
    if options.form not in (None, form):
        raise SettingsError(f"--out {path} is a .{form} file, and --format says {options.form}; leave one of them out")
    if options.resume:
        raise SettingsError(f"--resume goes on after whole parts: give --out a folder, such as {path.with_suffix('')}/")
    return form
