"""From valid customers to answers: scored together, written to the journal together, then handed back.

Requests that arrive in the same turn of the event loop are scored by one call of the model and written by
one system call. Nobody waits for a batch to fill: what is there at the end of the turn goes. One call of
ONNX Runtime costs about 20 us for 1 row and 29 us for 16; one write costs about as much for 1 line as for 16.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from itertools import batched, compress, groupby
from operator import attrgetter
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from churn.journal.record import journal_line
from churn.journal.sample import RowSample
from churn.journal.writer import Journal
from churn.model.scorer import Scorer
from churn.schema.record import Customer
from churn.scoring.arrow.answer import ArrowAnswer, request_ids
from churn.scoring.arrow.lines import Lines
from churn.scoring.arrow.request import Part
from churn.scoring.arrow.stream import ArrowCustomers
from churn.scoring.batch import chunk_rows
from churn.scoring.columns.reader import Floats
from churn.scoring.columns.records import customers_of
from churn.scoring.responses import (
    Scored,
    milliseconds,
    render,
    render_batch,
    render_batch_rows,
    utc_now,
    with_reasons,
)


class Observer(Protocol):
    """What wants to hear of predictions and of journal lines that could not be written."""

    def predicted(self, scorer: Scorer, probabilities: Sequence[float], seconds: Sequence[float]) -> None:
        """These probabilities were answered, each this many seconds after its request was parsed."""

    def batch_predicted(self, scorer: Scorer, probabilities: Sequence[float] | Floats, seconds: float) -> None:
        """A batch of these probabilities was answered."""

    def journal_dropped(self, lines: int, error: OSError) -> None:
        """The journal took none of these lines."""


class _Pending(NamedTuple):
    scorer: Scorer
    customer: Customer
    request_id: str
    explain: bool
    arrived: float
    done: "asyncio.Future[bytes]"


_scorer = attrgetter("scorer")


class Predictor:
    """Answers customers with the model that is given with them. For one event loop.

    Args:
        journal: has a line for each answer to one customer.
        observer: hears of the answers.
        sample: the rows of batches that have a line too.

    """

    def __init__(self, journal: Journal, observer: Observer, sample: RowSample | None = None) -> None:
        self._journal = journal
        self._observer = observer
        self._sample = sample or RowSample()
        self._pending: list[_Pending] = []

    def predict(
        self, scorer: Scorer, customer: Customer, request_id: str, *, explain: bool = False
    ) -> "asyncio.Future[bytes]":
        """Score one customer, whom this scorer's validator has read: the answer as `Prediction` in JSON.

        The journal has the line, without reasons, when the future is done (unless the journal is failing).
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bytes] = loop.create_future()
        if not self._pending:
            loop.call_soon(self._answer_pending)
        self._pending.append(_Pending(scorer, customer, request_id, explain, time.perf_counter(), done))
        return done

    async def predict_batch(
        self, scorer: Scorer, customers: Sequence[Customer], request_id: str, *, explain: bool = False
    ) -> bytes:
        """Score many customers, whom this scorer's validator has read: the answer of `POST /predict/batch`.

        Rows without an id of their own get `<request_id>-<row>`. Other requests are answered in between.
        """
        started, size = time.perf_counter(), chunk_rows(scorer.schema)
        rows: list[Scored] = []
        scored_at_once = min(size, scorer.explainer.rows) if explain and scorer.explainer else size
        for chunk in batched(customers, scored_at_once):
            reasons = scorer.explain(chunk) if explain else [None] * len(chunk)
            for customer, probability, why in zip(chunk, scorer.score(chunk), reasons, strict=True):
                rows.append(Scored(customer, customer.request_id or f"{request_id}-{len(rows)}", probability, why))
            await asyncio.sleep(0)
        latency_ms, timestamp = milliseconds(time.perf_counter() - started), utc_now()
        rendered = []
        for part in batched(rows, size):
            lines = [journal_line(render(scorer, row, latency_ms, timestamp)) for row in self._sampled(part)]
            self._write(b"".join(lines), len(lines))
            rendered.append(render_batch_rows(scorer, part))
            await asyncio.sleep(0)
        self._observer.batch_predicted(scorer, [row.probability for row in rows], time.perf_counter() - started)
        return render_batch(scorer, rendered)

    async def predict_arrow(
        self, scorer: Scorer, customers: ArrowCustomers, request_id: str, *, explain: bool = False
    ) -> memoryview:
        """The same for customers in columns, whom `parse_stream` has read for this scorer: an Arrow IPC stream.

        A line of the journal is written in the turn in which its row is scored: all lines together take up to 20 times
        the memory of the answer.
        """
        started, first = time.perf_counter(), 0
        answer, lines = ArrowAnswer(scorer, explain=explain), Lines(scorer, customers.retired)
        probabilities = []
        for part in customers.parts:
            scored = part.columns.score(scorer)
            ids = request_ids(part.ids, request_id, first, part.rows)
            latency_ms = milliseconds(time.perf_counter() - started)
            self._write_part(lines, part, ids, scored, latency_ms)
            answer.add(ids, scored, scorer.explain(customers_of(scorer.schema, part.columns)) if explain else None)
            probabilities.append(scored)
            first += part.rows
            await asyncio.sleep(0)
        self._observer.batch_predicted(scorer, np.concatenate(probabilities), time.perf_counter() - started)
        return answer.finish()

    def _answer_pending(self) -> None:
        all_waiting, self._pending = _one_turn(self._pending)
        if self._pending:
            asyncio.get_running_loop().call_soon(self._answer_pending)
        # More than one model only where a swap fell into this turn of the event loop.
        for scorer, group in groupby(all_waiting, _scorer):
            waiting = list(group)
            try:
                answers = self._answer(scorer, waiting)
            except Exception as error:  # noqa: BLE001 - every waiting request must get its error, whatever it is
                for request in waiting:
                    if not request.done.done():
                        request.done.set_exception(error)
                continue
            for request, answer in zip(waiting, answers, strict=True):
                if not request.done.done():  # done already where the client went away
                    request.done.set_result(answer)

    def _answer(self, scorer: Scorer, waiting: list[_Pending]) -> list[bytes]:
        probabilities, reasons = scorer.score([request.customer for request in waiting]), _reasons(scorer, waiting)
        now, timestamp = time.perf_counter(), utc_now()
        seconds = [now - request.arrived for request in waiting]
        answers = [
            render(scorer, Scored(request.customer, request.request_id, probability), milliseconds(elapsed), timestamp)
            for request, probability, elapsed in zip(waiting, probabilities, seconds, strict=True)
        ]
        self._write(b"".join([journal_line(answer) for answer in answers]), len(answers))
        self._observer.predicted(scorer, probabilities, seconds)
        return list(map(with_reasons, answers, reasons))

    def _sampled(self, rows: Sequence[Scored]) -> Iterable[Scored]:
        chosen = self._sample.choose(len(rows))
        return rows if chosen is None else compress(rows, chosen.tolist())

    def _write_part(
        self, lines: Lines, part: Part, ids: pa.StringArray, probabilities: Floats, latency_ms: float
    ) -> None:
        columns, chosen = part.columns, self._sample.choose(part.rows)
        if chosen is not None:
            columns, ids, probabilities = columns.of(chosen), ids.filter(pa.array(chosen)), probabilities[chosen]
        if len(ids):
            self._write(lines.render(columns, ids, probabilities, latency_ms, utc_now()), len(ids))

    def _write(self, lines: bytes | memoryview, count: int) -> None:
        try:
            self._journal.append(lines)
        except OSError as error:
            self._observer.journal_dropped(count, error)


def _one_turn(pending: list[_Pending]) -> tuple[list[_Pending], list[_Pending]]:
    """The requests to answer now and those for the next turn: of those with reasons, what takes 1 to 2 ms."""
    explained = [request for request in pending if request.explain]
    explainer = explained[0].scorer.explainer if explained else None
    if explainer is None or len(explained) <= explainer.rows:
        return pending, []
    plain = [request for request in pending if not request.explain]
    return plain + explained[: explainer.rows], explained[explainer.rows :]


def _reasons(scorer: Scorer, waiting: list[_Pending]) -> list[bytes | None]:
    asked = [request.customer for request in waiting if request.explain]
    if not asked:
        return [None] * len(waiting)
    found = iter(scorer.explain(asked))
    return [next(found) if request.explain else None for request in waiting]
