"""Schema that a stored model carries."""

from collections.abc import Mapping
from pathlib import Path

from churn.errors import ModelInvalid, SchemaError
from churn.schema.definition import Schema
from churn.schema.reading import FILE_NAME, bundled_schema, parse_schema


def schema_of(tag: str, files: Mapping[str, bytes]) -> Schema:
    """The schema of a model, by its files; one that was saved before models had one is of the bundled schema.

    Raises:
        ModelInvalid: it cannot be read.
    """
    try:
        return parse_schema(files[FILE_NAME], FILE_NAME) if FILE_NAME in files else bundled_schema()
    except SchemaError as error:
        raise ModelInvalid(f"model {tag}: {error}; retrain it, or promote another model") from None


def schema_in(tag: str, folder: Path) -> Schema:
    """The schema of a model, by the folder of its files.

    Raises:
        ModelInvalid: it cannot be read.
    """
    path = folder / FILE_NAME
    try:
        files = {FILE_NAME: path.read_bytes()} if path.exists() else {}
    except OSError as error:
        raise ModelInvalid(f"model {tag}: {path} cannot be read: {error.strerror or error}") from None
    return schema_of(tag, files)
