"""Row digests and duplicates: rows of equal features are one customer, and one observation.

Were copies taken for independent rows, a model would be evaluated on customers that it has seen, and every interval
would be too narrow. So all copies fall into one fold and are resampled as one.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

type Digests = npt.NDArray[np.uint64]
type Customers = npt.NDArray[np.intp]


def row_digests(frame: pd.DataFrame) -> Digests:
    """[n] a digest of each customer's features as the model sees them: numbers in 32 bits.

    The target has no part in it: leaving rows out by their features favours no target, and a row whose target was
    corrected since is still a row that the model has seen.
    """
    columns = {name: _digestible(column) for name, column in frame.items()}
    digests: Digests = pd.util.hash_pandas_object(pd.DataFrame(columns, copy=False), index=False).to_numpy()
    return digests


def _digestible(column: "pd.Series[Any]") -> npt.NDArray[Any]:
    if not pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy()
    numbers: npt.NDArray[np.float32] = column.to_numpy(np.float32) + np.float32(0)  # so that -0 is 0
    numbers[np.isnan(numbers)] = np.nan  # of the many bit patterns, one
    return numbers


def number_customers(digests: Digests | Customers) -> Customers:
    """[n] the number of the customer that each row is, from 0 in the order of their first rows.

    Rows are one customer where their digests are equal: [7, 9, 7, 8] gives [0, 1, 0, 2].
    """
    numbers: Customers = pd.factorize(digests)[0]
    return numbers


def count_customers(digests: Digests) -> int:
    """How many different customers there are."""
    return len(pd.unique(digests))
