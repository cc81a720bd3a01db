"""Inputs of a run: the files that a path, a folder or a pattern names, all of one form."""

import glob
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pyarrow as pa

from churn.console import Advance
from churn.data.columns import shorten
from churn.data.file_kind import foreign_kind
from churn.data.parquet_file import parquet_files
from churn.errors import DataError
from churn.scoring.files.arrow_source import ArrowSource
from churn.scoring.files.csv_source import CsvSource
from churn.scoring.files.parquet_source import ParquetSource
from churn.scoring.files.partitions import Partitioned, partition_values
from churn.scoring.files.source import Source

_PARQUET = ".parquet"
_KINDS: dict[str, tuple[str, ...]] = {
    "CSV": (".csv", ".tsv", ".txt"),
    "Parquet": (_PARQUET,),
    "Arrow": (".arrow", ".feather", ".ipc"),
}
_OPEN: dict[str, type[CsvSource] | type[ParquetSource] | type[ArrowSource]] = {
    "CSV": CsvSource,
    "Parquet": ParquetSource,
    "Arrow": ArrowSource,
}
_BLOCK = 2**20


@dataclass(frozen=True)
class _Mark:
    """What of a file would be another if it were written again."""

    size: int
    modified_ns: int
    changed_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> "_Mark":
        found = path.stat()
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


@dataclass(frozen=True)
class Inputs:
    """Files of customers that are scored as one table, in this order.

    Attributes:
        given: what names them.
        folder: from which the files' names count.
        kind: of all of them: CSV, Parquet or Arrow.
        sources: of the files.
        marks: how each was when it was opened.

    """

    given: str
    folder: Path
    kind: str
    sources: Sequence[Source]
    marks: Sequence[_Mark]

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return self.sources[0].schema

    @property
    def decimal(self) -> str | None:
        """Mark of the numbers of files of texts; None where numbers have a type."""
        return self.sources[0].decimal

    @property
    def size(self) -> int:
        """Of all files, in bytes."""
        return sum(source.size for source in self.sources)

    @property
    def rows(self) -> int | None:
        """How many there are, where the files say so; None where they do not."""
        counts = [source.rows for source in self.sources if source.rows is not None]
        return sum(counts) if len(counts) == len(self.sources) else None

    def digest(self, advance: Advance = lambda _: None) -> str:
        """SHA-256 of the bytes of the file; of several, that of what `sha256sum` prints for them, in order.

        Their names in it are those within `folder`. So `sha256sum a.csv b.csv | sha256sum` gives it too.

        Raises:
            OSError: a file cannot be read.
        """
        digests = [_sha256(source.path, advance) for source in self.sources]
        if len(digests) == 1:
            return digests[0]
        names = [source.path.relative_to(self.folder).as_posix() for source in self.sources]
        lines = "".join(f"{digest}  {name}\n" for digest, name in zip(digests, names, strict=True))
        return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()

    def check_unchanged(self) -> None:
        """Check that the files are those that were opened.

        Raises:
            DataError: one was written, replaced or removed since.
        """
        for source, mark in zip(self.sources, self.marks, strict=True):
            try:
                same = _Mark.of(source.path) == mark
            except OSError:
                same = False
            if not same:
                raise DataError(f"{source.path} has changed while it was read; score it again once nobody writes it")


def find_inputs(given: str | Path) -> Inputs:
    """Open the files of customers that a path or a pattern names.

    Args:
        given: a file: CSV (`.csv`, `.tsv`, `.txt`), Parquet or Arrow (`.arrow`, `.feather`, `.ipc`, file or stream); a
            folder of files of one kind (but `.txt`), in the order of their names, in which a value in the names of
            its own folders (`Contract=Monthly/`) is a column, and names that begin with `.` or `_` are none of it;
            or a pattern, such as `base/*.parquet`, unless there is a file of exactly that name.

    Raises:
        DataError: there is none, one is damaged or of another kind, or they have not all the same columns.

    """
    path = Path(given)
    try:
        files, folder = _files(path)
        kind = _one_kind(path, files)
        marks = [_Mark.of(file) for file in files]
        values = partition_values(path, [file.relative_to(folder) for file in files])
        sources = [_opened(file, kind, of_file) for file, of_file in zip(files, values, strict=True)]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{getattr(error, 'filename', None) or path} cannot be read: {reason}") from None
    _check_alike(sources)
    return Inputs(str(given), folder, kind, sources, marks)


def is_read(given: str, file: Path) -> bool:
    """Whether a folder or pattern names a file that is not there yet."""
    path, file = Path(given).absolute(), file.absolute()
    if path.is_dir():
        folder, file = path.resolve(), file.resolve()
        return file != folder and file.is_relative_to(folder) and not _is_hidden(file, folder)
    return not os.path.lexists(path) and file.match(str(path))


def _files(path: Path) -> tuple[list[Path], Path]:
    """The files, and the folder from which their names count."""
    if path.is_dir():
        return _files_in(path), path
    if not os.path.lexists(path) and glob.has_magic(str(path)):
        return _files_like(path)
    return [path], path.parent


def _files_like(pattern: Path) -> tuple[list[Path], Path]:
    fixed = list(takewhile(lambda part: not glob.has_magic(part), pattern.parts))
    folder, rest = Path(*fixed), pattern.parts[len(fixed) :]
    found = sorted(file for file in folder.glob("/".join(rest)) if file.is_file())
    if not any(part[0] in "._" for part in rest):
        found = [file for file in found if not _is_hidden(file, folder)]
    if not found:
        hint = "; in a pattern [x] is one letter, x: write [[] for a bracket" if "[" in str(pattern) else ""
        raise DataError(f"{pattern} cannot be read: there is no file of such a name{hint}")
    return found, folder


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part[0] in "._" for part in file.relative_to(folder).parts)


def _files_in(folder: Path) -> list[Path]:
    suffixes = [suffix for kind in _KINDS.values() for suffix in kind if suffix not in (".txt", _PARQUET)]
    others = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in suffixes and file.is_file() and not _is_hidden(file, folder)
    )
    has_parquet = any(folder.rglob(f"*{_PARQUET}"))
    if not others and not has_parquet:
        raise DataError(f"{folder} cannot be read: it is a folder without a file of {', '.join(_KINDS)}")
    return sorted([*others, *(parquet_files(folder) if has_parquet else [])])


def _kind(path: Path) -> str:
    """The kind of a file by its name.

    Raises:
        DataError: it has none, or there is no such file.
    """
    suffix = path.suffix.lower()
    kind = next((kind for kind, suffixes in _KINDS.items() if suffix in suffixes), None)
    if not path.is_file():
        why = "it is not a file" if path.exists() else "there is no such file"
    elif kind is None:
        *most, last = [suffix for suffixes in _KINDS.values() for suffix in suffixes]
        what = foreign_kind(path)
        hint = f"; it is {what[0]}: {what[1]}" if what else ""
        why = f"its name must end in {', '.join(most)} or {last}{hint}"
    elif path.stat().st_size == 0:
        why = f"it is empty; expected {'an' if kind == 'Arrow' else 'a'} {kind} file of customers"
    else:
        return kind
    raise DataError(f"{path} cannot be read: {why}")


def _one_kind(path: Path, files: Sequence[Path]) -> str:
    kinds = [_kind(file) for file in files]
    for file, kind in zip(files, kinds, strict=True):
        if kind != kinds[0]:
            raise DataError(
                f"{path} cannot be read: {files[0].name} is {kinds[0]} and {file.name} is {kind}; score one kind a run"
            )
    return kinds[0]


def _opened(path: Path, kind: str, values: dict[str, pa.Scalar]) -> Source:
    source = _OPEN[kind](path)
    return Partitioned(source, values) if values else source


def _check_alike(sources: Sequence[Source]) -> None:
    """Compare the files' columns with those of the first.

    Raises:
        DataError: names the first file and column that differ.
    """
    first = sources[0]
    expected = {field.name: field.type for field in first.schema}
    for source in sources[1:]:
        found = {field.name: field.type for field in source.schema}
        where = f"{source.path} has other columns than {first.path}:"
        for name in (*expected, *found):
            if name not in found or name not in expected:
                raise DataError(f"{where} {shorten(name)} is {'missing' if name in expected else 'new'}")
            if found[name] != expected[name]:
                raise DataError(f"{where} {shorten(name)} holds {found[name]} instead of {expected[name]}")
        if source.decimal != first.decimal:
            raise DataError(f"{source.path} has another decimal mark than {first.path}")


def _sha256(path: Path, advance: Advance) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_BLOCK):
            digest.update(data)
            advance(len(data))
    return digest.hexdigest()
