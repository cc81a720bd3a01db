"""Numbers that are written as texts: those of CSV files."""

import re
from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_MARKS = str.maketrans(".,", ",.")


def parse_numbers(texts: pa.Array, missing: Collection[str], decimal: str) -> pa.DoubleArray:
    """[n] the nearest floats to decimal numbers; null for a missing one, and infinity for a text that is no number.

    Args:
        texts: [n] of them.
        missing: those that mean that nothing is known.
        decimal: their decimal mark: a point or a comma.

    """
    known = pc.if_else(pc.is_in(texts, pa.array(sorted(missing), pa.string())), pa.scalar(None, pa.string()), texts)
    if decimal == ".":
        try:
            numbers = known.cast(pa.float64())
        except pa.ArrowInvalid:  # spaces or a plus sign before it, which are allowed, or something that is not
            pass
        else:
            # Arrow takes `nan` and `inf` for numbers.
            if np.isfinite(numbers.drop_null().to_numpy()).all():
                return numbers
    encoded = known.dictionary_encode()
    numbers = pa.array([_number(with_point(text, decimal)) for text in encoded.dictionary.to_pylist()], pa.float64())
    return numbers.take(encoded.indices)


def with_point(text: str, decimal: str) -> str:
    """The text of a number with a decimal point; one that has another mark than the file's does not become one."""
    return text if decimal == "." else text.translate(_MARKS)


def _number(text: str) -> float:
    return float(text) if _NUMBER.fullmatch(text) else np.inf
