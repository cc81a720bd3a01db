"""Journal lines of many customers, written for whole columns at a time: 0.2 us a line, where one by one takes 2.

The lines say what those of `/predict` say (`churn/scoring/responses.py`). Each distinct text is written as JSON once;
numbers are written by orjson, all of a column at once, so that each reads back as the same float.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from churn.model.scorer import Scorer
from churn.schema.feature import Feature
from churn.schema.record import MISSING_CATEGORY, RECORD_VERSION
from churn.scoring.columns.reader import CustomerColumns, Floats, Texts
from churn.scoring.columns.sentences import warning_lists

_COMMA = ord(",")


class Lines:
    """Lines of one model's answers.

    Args:
        scorer: the model.
        retired: fields of earlier schemas that the customers came with.

    """

    def __init__(self, scorer: Scorer, retired: Sequence[str]) -> None:
        self._scorer = scorer
        self._retired = retired
        model = f'"model_version":{_json(scorer.tag)}'
        self._decisions = pa.array([f'",{model},"prediction":{decision},"probability":' for decision in (0, 1)])
        self._threshold = f'"threshold":{_json(scorer.threshold)}'

    def render(
        self, columns: CustomerColumns, ids: pa.StringArray, probabilities: Floats, latency_ms: float, timestamp: str
    ) -> memoryview:
        """The lines of [n] customers.

        Args:
            columns: valid customers.
            ids: of them, printable.
            probabilities: what the model answered.
            latency_ms: from the parsed request to its answer.
            timestamp: `utc_now()`.

        """
        decisions = pa.array((probabilities >= self._scorer.threshold).astype(np.int8))
        end = f'"ts":{_json(timestamp)},"warnings":'
        return _joined(
            [
                '{"request_id":"',
                _escaped(ids),
                self._decisions.take(decisions),
                _numbers(probabilities, ","),
                f'{self._threshold},"latency_ms":{_json(latency_ms)},"features":{{',
                *self._features(columns),
                f",{end}",
                self._warnings(columns),
                f',"schema_version":{RECORD_VERSION}}}\n',
            ]
        )

    def _features(self, columns: CustomerColumns) -> list[str | pa.Array]:
        schema = self._scorer.schema
        numbers = dict(zip(schema.number_names, columns.numbers, strict=True))
        texts = dict(zip(schema.category_names, columns.texts, strict=True))
        parts: list[str | pa.Array] = []
        for feature in schema.feature:
            end = "}" if feature is schema.feature[-1] else ","
            key = f"{_json(feature.name)}:"
            if feature.is_category:
                parts.append(_levels(texts[feature.name], key, end))
            else:
                parts += [key, _values(feature, numbers[feature.name], end)]
        return parts

    def _warnings(self, columns: CustomerColumns) -> str | pa.Array:
        lists = warning_lists(self._scorer, columns, self._retired)
        if not len(lists.values):
            return "[]"
        encoded = lists.values.dictionary_encode()
        sentences = pa.array([_json(sentence) for sentence in encoded.dictionary.to_pylist()], pa.string())
        quoted = pa.ListArray.from_arrays(lists.offsets, sentences.take(encoded.indices))
        return pc.binary_join_element_wise("[", pc.binary_join(quoted, ","), "]", "")


def _joined(parts: list[str | pa.Array]) -> memoryview:
    """The texts of all rows, one after the other."""
    lines = pc.binary_join_element_wise(*parts, "")
    _, offsets, data = lines.buffers()
    return memoryview(data)[: int(np.frombuffer(offsets, np.int32)[len(lines)])]


def _json(value: str | float) -> str:
    return orjson.dumps(value).decode()


def _escaped(ids: pa.StringArray) -> pa.StringArray:
    """Printable texts as in JSON, without quotes around them."""
    _, offsets, data = ids.buffers()
    bounds = np.frombuffer(offsets, np.int32)[[ids.offset, ids.offset + len(ids)]]
    written = np.frombuffer(data, np.uint8)[slice(*bounds)]
    for special in ("\\", '"'):
        if (written == ord(special)).any():
            ids = pc.replace_substring(ids, special, "\\" + special)
    return ids


def _values(feature: Feature, values: Floats, end: str) -> pa.StringArray:
    """A feature's numbers in JSON, null where nothing is known, each with `end` behind it."""
    if feature.kind == "number":
        return _numbers(values, end)
    missing = np.isnan(values)
    if feature.kind == "boolean":
        written = pa.array([f"false{end}", f"true{end}", f"null{end}"])
        return written.take(pa.array(np.where(missing, 2, values).astype(np.int8)))
    whole = _numbers(np.where(missing, 0, values).astype(np.int64), end)
    return pc.if_else(pa.array(missing), f"null{end}", whole) if missing.any() else whole


def _levels(texts: Texts, key: str, end: str) -> pa.StringArray:
    """A category's key and texts in JSON, null where nothing is known, each with `end` behind it."""
    levels = [key + ("null" if text == MISSING_CATEGORY else _json(text)) + end for text in texts.levels]
    return pa.array(levels, pa.string()).take(pa.array(texts.codes))


def _numbers(values: npt.NDArray[Any], end: str) -> pa.StringArray:
    """Numbers in JSON, null for NaN, each with `end` behind it: it takes the place of the comma in orjson's list."""
    data = np.frombuffer(orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY), np.uint8).copy()
    data[-1] = _COMMA  # the closing bracket
    ends = np.flatnonzero(data == _COMMA)
    data[ends] = ord(end)
    offsets = np.concatenate([[1], ends + 1]).astype(np.int32)
    return pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(data))
