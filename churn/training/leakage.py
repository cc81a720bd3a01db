"""Bottom-k sketch of the training rows' digests, stored with a model so that it is never evaluated on them."""

import io
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.copies import Digests, count_customers, row_digests
from churn.data.dataset import Dataset
from churn.errors import DataError, ModelInvalid
from churn.stored_files import ModelFile

FILE_NAME = ModelFile.TRAINING_ROWS.path
MAX_DIGESTS = 2**17
"""At most 1 MiB a model. Of a larger set the smallest digests are kept: a sample that needs no drawing."""

MIN_HOLDOUT_CUSTOMERS = 100
"""Of a holdout that has customers in common with the training data, so many others are needed."""

type Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TrainingRows:
    """The smallest digests of a set of rows.

    Where there are fewer than `MAX_DIGESTS`, these are all. Else nothing is known of a row whose digest is larger
    than the last of them.

    Attributes:
        digests: [at most MAX_DIGESTS], ascending, each once.

    """

    digests: Digests

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "TrainingRows":
        """The digests of [n] customers, columns `schema.FEATURE_NAMES`."""
        return cls(np.unique(row_digests(frame))[:MAX_DIGESTS])

    @classmethod
    def from_bytes(cls, content: bytes) -> "TrainingRows":
        """Read what `to_bytes` gave.

        Raises:
            ModelInvalid: it is something else.
        """
        try:
            digests = np.load(io.BytesIO(content), allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise ModelInvalid(f"{FILE_NAME} cannot be read: {error}") from None
        if digests.dtype != np.uint64 or digests.ndim != 1 or np.any(digests[:-1] >= digests[1:]):
            raise ModelInvalid(f"{FILE_NAME} does not hold ascending 64-bit digests")
        return cls(digests)

    def to_bytes(self) -> bytes:
        """The content of `training_rows.npy`."""
        file = io.BytesIO()
        np.save(file, self.digests, allow_pickle=False)
        return file.getvalue()

    def absent(self, frame: pd.DataFrame) -> Mask:
        """[n] whether a customer is known not to be one of these rows."""
        digests = row_digests(frame)
        absent = ~np.isin(digests, self.digests)
        if len(self.digests) >= MAX_DIGESTS:
            absent &= digests <= self.digests[-1]
        return absent


def without_rows_of(training: Dataset, holdout: Dataset) -> Dataset:
    """The holdout without customers that the training data has too: predictions for those flatter any model.

    Raises:
        DataError: fewer than `MIN_HOLDOUT_CUSTOMERS` are left, or one class only.
    """
    unseen = ~np.isin(holdout.digests, training.digests)
    if unseen.all():
        return holdout
    frame, target = holdout.frame[unseen], holdout.target[unseen]
    left, there = count_customers(holdout.digests[unseen]), count_customers(holdout.digests)
    if left < MIN_HOLDOUT_CUSTOMERS or len(np.unique(target)) < 2:
        raise DataError(
            f"{holdout.path}: only {left:,} of {there:,} customers are not in {training.path} too; "
            f"at least {MIN_HOLDOUT_CUSTOMERS} of both classes are needed: hold out customers that are not trained on"
        )
    return replace(holdout, frame=frame, target=target)
