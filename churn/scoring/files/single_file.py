"""One file of scores, which appears whole under its name."""

import contextlib
from collections.abc import Iterator
from typing import Any

import orjson
import pyarrow as pa

from churn import files
from churn.scoring.files.destination import Destination
from churn.scoring.files.part import Part
from churn.scoring.files.rejects import RejectsForm
from churn.scoring.files.tally import Tally
from churn.scoring.files.writers import open_writer


class SingleFile:
    """One file of scores.

    Args:
        destination: the file.
        schema: of the scores, with its metadata.
        rejects: form of the file of rows that are set aside; None where they are refused.

    Attributes:
        part_rows: there is one part, however many rows there are.

    """

    part_rows: int | None = None

    def __init__(self, destination: Destination, schema: pa.Schema, rejects: RejectsForm | None) -> None:
        self._destination = destination
        self._schema = schema
        self._rejects = rejects

    @contextlib.contextmanager
    def opened(self) -> Iterator["SingleFile"]:
        """The file under a temporary name; at the end, unless there was an error, it gets its own, after its rejects.

        Raises:
            OSError: it cannot be written.
        """
        destination = self._destination
        for path in (destination.path, destination.rejects):
            files.remove_left_overs(path)
        with contextlib.ExitStack() as stack:
            scores = stack.enter_context(files.replacing(destination.path))
            rejects = None
            if self._rejects:
                path = stack.enter_context(files.replacing(destination.rejects))
                rejects = stack.enter_context(self._rejects.open(path))
            writer = stack.enter_context(open_writer(destination.form, scores, self._schema))
            self._part = Part(writer, rejects)
            yield self

    def whole_parts(self, tally: Tally) -> int:  # noqa: ARG002
        """There are none to go on after."""
        return 0

    @contextlib.contextmanager
    def part(self, number: int) -> Iterator[Part]:  # noqa: ARG002
        """The one part."""
        yield self._part

    def finish(self, document: dict[str, Any]) -> None:
        """Write what CSV cannot hold, the run's description and counts, beside it."""
        if self._destination.form == "csv":
            path = self._destination.path
            files.write({path.with_name(f"{path.name}.metadata.json"): as_json(document)})


def as_json(document: dict[str, Any]) -> bytes:
    """JSON for people and programs."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"
