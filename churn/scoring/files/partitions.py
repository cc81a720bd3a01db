"""Values in the names of folders: `Contract=Monthly/` is a column of each file in it."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

import pyarrow as pa

from churn.errors import DataError
from churn.scoring.files.form import shaped
from churn.scoring.files.source import Piece, Source

_NULL = "__HIVE_DEFAULT_PARTITION__"
_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)


class Partitioned:
    """A file with columns of one value each. Its attributes are those of `Source`.

    Args:
        source: the file itself; a column that is in it too is taken from the name of the folder.
        values: of the columns.

    """

    def __init__(self, source: Source, values: Mapping[str, pa.Scalar]) -> None:
        self._source = source
        self._values = values
        self.path = source.path
        self.size = source.size
        self.unit: Literal["line", "row"] = source.unit
        self.decimal = source.decimal
        self.rows = source.rows
        of_text = source.decimal is not None
        self._types = {name: pa.string() if of_text else value.type for name, value in values.items()}
        own = [field for field in source.schema if field.name not in values]
        self.schema = pa.schema([*own, *self._types.items()])

    def pieces(self, columns: Sequence[str], *, coded: Collection[str] = (), start: int = 0) -> Iterator[Piece]:
        """Read these columns of all rows, in order: `Source.pieces`."""
        own = [name for name in columns if name not in self._values]
        own = own or self._source.schema.names[:1]  # by which the rows are counted
        for piece in self._source.pieces(own, coded=coded, start=start):
            rows = piece.batch.num_rows
            arrays = {name: piece.batch.column(name) for name in own}
            arrays |= {name: pa.repeat(value.cast(self._types[name]), rows) for name, value in self._values.items()}
            whole = pa.RecordBatch.from_pydict({name: arrays[name] for name in columns})
            yield piece._replace(batch=shaped(whole, columns, coded))

    def places(self) -> Iterator[int]:
        """As the file itself counts."""
        return self._source.places()


def partition_values(path: Path, files: Sequence[Path]) -> list[dict[str, pa.Scalar]]:
    """Of each file the columns of its folders: whole numbers where all files have those, or else texts.

    Args:
        path: what names the files, for the message.
        files: their names within it.

    Raises:
        DataError: the files have not all the same such columns.

    """
    found = [_texts(file) for file in files]
    for file, texts in zip(files, found, strict=True):
        if texts.keys() != found[0].keys():
            raise DataError(f"{path} cannot be read: the folders of {files[0]} and {file} do not name the same columns")
    columns = {
        name: pa.array([texts[name] for texts in found], pa.string()).cast(_type([texts[name] for texts in found]))
        for name in found[0]
    }
    return [{name: values[place] for name, values in columns.items()} for place in range(len(files))]


def _texts(file: Path) -> dict[str, str | None]:
    pairs = (part.split("=", 1) for part in file.parts[:-1] if "=" in part)
    return {unquote(name): None if value == _NULL else unquote(value) for name, value in pairs}


def _type(texts: Sequence[str | None]) -> pa.DataType:
    known = [text for text in texts if text is not None]
    return pa.int64() if known and all(map(_WHOLE.fullmatch, known)) else pa.string()
