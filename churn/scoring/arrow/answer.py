"""Answer to a batch in Arrow: an IPC stream, written part by part."""

from collections.abc import Sequence

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from churn.model.scorer import Scorer
from churn.scoring.columns.reader import Floats


class ArrowAnswer:
    """The stream that answers a batch: `request_id`, `prediction`, `probability`, and on request `reasons`, in JSON.

    The metadata of its schema has `model_version` and `threshold`.
    """

    def __init__(self, scorer: Scorer, *, explain: bool) -> None:
        self._threshold = scorer.threshold
        fields = [("request_id", pa.string()), ("prediction", pa.int8()), ("probability", pa.float64())]
        fields += [("reasons", pa.string())] if explain else []
        metadata = {"model_version": scorer.tag, "threshold": orjson.dumps(scorer.threshold).decode()}
        self._schema = pa.schema(fields, metadata)
        self._sink = pa.BufferOutputStream()
        self._writer = pa.ipc.new_stream(self._sink, self._schema)

    def add(self, ids: pa.StringArray, probabilities: Floats, reasons: Sequence[bytes] | None) -> None:
        """Write [n] rows; `reasons` are JSON."""
        decisions = (probabilities >= self._threshold).astype(np.int8)
        arrays = [ids, pa.array(decisions), pa.array(probabilities)]
        if reasons is not None:
            arrays.append(pa.array(reasons, pa.binary()).cast(pa.string()))
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))

    def finish(self) -> memoryview:
        """End the stream: all of it."""
        self._writer.close()
        return memoryview(self._sink.getvalue())


def request_ids(own: pa.StringArray | None, request_id: str, first: int, rows: int) -> pa.StringArray:
    """[rows] ids: the client's own, and `<request_id>-<row>` where it gave none; `first` is the first row's number."""
    numbers = pa.array(np.arange(first, first + rows)).cast(pa.string())
    made = pc.binary_join_element_wise(f"{request_id}-", numbers, "")
    return made if own is None else pc.coalesce(own, made)
