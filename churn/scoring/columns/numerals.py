"""Numbers that are written as texts: those of CSV files."""

import re
from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_PLAIN = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"
"""What Arrow reads as Python does: to the nearest float."""
_NUMBER = re.compile(rf"\s*{_PLAIN}\s*", re.ASCII)
_MARKS = str.maketrans(".,", ",.")


def parse_numbers(texts: pa.Array, missing: Collection[str], decimal: str) -> pa.DoubleArray:
    """[n] the nearest floats to decimal numbers; null for a missing one, and infinity for a text that is no number.

    Args:
        texts: [n] of them, or a dictionary of texts.
        missing: those that mean that nothing is known.
        decimal: their decimal mark: a point or a comma.

    """
    if pa.types.is_dictionary(texts.type):
        return parse_numbers(texts.dictionary, missing, decimal).take(texts.indices)
    unknown = pc.is_in(texts, pa.array(sorted(missing), texts.type))
    known = pc.if_else(unknown, pa.scalar(None, texts.type), texts)
    if decimal != ".":
        known = _swapped(known)
    try:
        numbers = known.cast(pa.float64())
    except pa.ArrowInvalid:  # blanks around a number, which are allowed, or something that is none
        return _one_by_one(known)
    # Arrow takes `nan` and `inf` for numbers.
    return numbers if np.isfinite(numbers.drop_null().to_numpy()).all() else _one_by_one(known)


def with_point(text: str, decimal: str) -> str:
    """The text of a number with a decimal point; one that has another mark than the file's does not become one."""
    return text if decimal == "." else text.translate(_MARKS)


def _swapped(texts: pa.Array) -> pa.Array:
    """[n] texts with points for commas, and commas for points."""
    if pc.any(pc.match_substring(texts, ".")).as_py():
        texts = pc.replace_substring(pc.replace_substring(texts, ".", "\0"), ",", ".")
        return pc.replace_substring(texts, "\0", ",")
    return pc.replace_substring(texts, ",", ".")


def _one_by_one(texts: pa.Array) -> pa.DoubleArray:
    """[n] numbers, where texts that Arrow may read in another way than Python are looked at one by one."""
    odd = pc.invert(pc.match_substring_regex(texts, f"^{_PLAIN}$"))
    numbers = pc.if_else(odd, pa.scalar(None, texts.type), texts).cast(pa.float64())
    few = texts.filter(odd).dictionary_encode()
    looked_at = pa.array([_number(text) for text in few.dictionary.to_pylist()], pa.float64()).take(few.indices)
    return pc.replace_with_mask(numbers, pc.fill_null(odd, fill_value=False), looked_at)


def _number(text: str) -> float:
    return float(text) if _NUMBER.fullmatch(text) else np.inf
