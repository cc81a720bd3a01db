"""Part of an output while it is written: its scores, and the rows that are set aside."""

from typing import NamedTuple

from churn.scoring.files.rejects import Rejects
from churn.scoring.files.writers import Writer


class Part(NamedTuple):
    """An output, or a part of one, that is open for writing.

    Attributes:
        scores: takes the scores.
        rejects: takes the rows that are set aside; None where they are refused.

    """

    scores: Writer
    rejects: Rejects | None
