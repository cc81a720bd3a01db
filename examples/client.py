"""Python client of the churn service. To be copied: it needs httpx (`pip install httpx`) and nothing of this project.

Example:
    with ChurnClient("http://localhost:3000", token=os.environ.get("CHURN_PREDICT_TOKEN")) as client:
        answer = client.predict({"tenure_months": 48, "num_complaints": 0, ...})
        for prediction in client.predict_many(records):
            ...

"""

import json
import os
import random
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self

import httpx

type Json = dict[str, Any]

BATCH_ROWS = 10_000
"""The most records that the service takes at once."""
BATCH_BYTES = 8 * 2**20
"""The most bytes, unless its CHURN_MAX_BATCH_BYTES says otherwise; a piece that it finds too large is halved."""
MAY_PASS = (429, 502, 503, 504)
"""Statuses after which the same request may succeed: too busy, or no model or service at the moment."""
TOO_LARGE = 413
LONGEST_WAIT = 30.0
_RANDOM = random.SystemRandom()


class ServiceError(Exception):
    """A request that was not answered with a prediction; its text has the request id, by which the log is searched."""


class RecordRefused(ServiceError):
    """Records that the service refused.

    Attributes:
        problems: what is wrong, each with `loc` (the field; in a batch "customers", the record's number, the field) and
            `msg`.

    """

    def __init__(self, message: str, problems: list[Json]) -> None:
        super().__init__(message, problems)
        self.message = message
        self.problems = problems

    def __str__(self) -> str:
        shown = (f"{'.'.join(map(str, problem['loc'])) or 'record'}: {problem['msg']}" for problem in self.problems[:5])
        return "; ".join([self.message, *shown])

    def after(self, rows: int) -> "RecordRefused":
        """The same, with so many records before the first one of the batch."""
        moved = [{**problem, "loc": _moved(problem["loc"], rows)} for problem in self.problems]
        return RecordRefused(self.message, moved)


class ServiceUnavailable(ServiceError):
    """A service that did not answer, however often it was asked."""


class ChurnClient:
    """A client of one service; threads may share it.

    Args:
        url: of the service.
        token: its CHURN_PREDICT_TOKEN, if it has one.
        timeout: seconds for connecting, and for each wait for a part of an answer.
        attempts: how often a request is sent, at most; a prediction may be asked for again without harm.

    """

    def __init__(self, url: str, token: str | None = None, *, timeout: float = 10.0, attempts: int = 5) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout)
        self._attempts = attempts

    def predict(self, record: Json, *, explain: bool = False, request_id: str | None = None) -> Json:
        """The answer of `POST /predict` for one customer.

        Raises:
            RecordRefused: the record is not valid; `problems` names the fields.
            ServiceUnavailable: there is no service or no model, or it stays too busy.
            ServiceError: the service refuses the request: no token, a path that is not there.
        """
        return self._post("/predict", _encoded(record), explain=explain, request_id=request_id)

    def predict_many(self, records: Iterable[Json], *, explain: bool = False) -> Iterator[Json]:
        """A prediction for each record, in order: `request_id`, `prediction`, `probability` and `model_version`.

        The records are sent in pieces, so that any number may be given; each piece is answered by one model. What was
        yielded before an error stays valid.

        Raises:
            RecordRefused: a piece holds records that are not valid; `loc` has the number of the record among all.
            ServiceUnavailable, ServiceError: as `predict`.
        """
        first = 0
        for piece in _pieces(map(_encoded, records)):
            yield from self._predict_piece(piece, first, explain=explain)
            first += len(piece)

    def model(self) -> Json:
        """The card of the model in service: its tag, metrics, threshold, and features with ranges and categories.

        Raises:
            ServiceUnavailable, ServiceError: as `predict`.
        """
        return self._send(self._http.build_request("GET", "/model", headers={"Accept": "application/json"}))

    def example(self) -> Json:
        """A valid record, as the service's OpenAPI document shows it (not where CHURN_DOCS is off).

        Raises:
            ServiceUnavailable, ServiceError: as `predict`.
        """
        document = self._send(self._http.build_request("GET", "/docs.json"))
        body: Json = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
        return {**body["example"]}

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _predict_piece(self, piece: list[bytes], first: int, *, explain: bool) -> Iterator[Json]:
        try:
            answer = self._post("/predict/batch", b'{"customers":[' + b",".join(piece) + b"]}", explain=explain)
        except _TooLarge:
            if len(piece) == 1:
                raise
            half = len(piece) // 2
            yield from self._predict_piece(piece[:half], first, explain=explain)
            yield from self._predict_piece(piece[half:], first + half, explain=explain)
            return
        except RecordRefused as error:
            raise error.after(first) from None
        for prediction in answer["predictions"]:
            yield {**prediction, "model_version": answer["model_version"]}

    def _post(self, path: str, body: bytes, *, explain: bool, request_id: str | None = None) -> Json:
        headers = {"Content-Type": "application/json", "X-Request-ID": request_id or uuid.uuid4().hex}
        query = {"explain": "true"} if explain else {}
        return self._send(self._http.build_request("POST", path, params=query, content=body, headers=headers))

    def _send(self, request: httpx.Request) -> Json:
        """Send a request until it is answered; each attempt has the same request id."""
        problem = "not sent"
        for attempt in range(self._attempts):
            try:
                response = self._http.send(request)
            except httpx.TransportError as error:
                problem, asked_for = str(error) or type(error).__name__, 0.0
            else:
                if response.status_code not in MAY_PASS:
                    return _answer(response)
                problem, asked_for = _described(response), _retry_after(response)
            if attempt + 1 < self._attempts:
                # Random, so that clients that were refused together do not come back together.
                time.sleep(min(asked_for + _RANDOM.uniform(0, 0.25 * 2**attempt), LONGEST_WAIT))
        raise ServiceUnavailable(f"{request.url}: {problem}, {self._attempts} times")


class _TooLarge(ServiceError):
    """A body, or an answer with reasons, that is more than the service takes at once."""


def _pieces(records: Iterable[bytes]) -> Iterator[list[bytes]]:
    piece: list[bytes] = []
    size = 100  # of what stands around the records
    for record in records:
        if piece and (len(piece) == BATCH_ROWS or size + len(record) + 1 > BATCH_BYTES):
            yield piece
            piece, size = [], 100
        piece.append(record)
        size += len(record) + 1
    if piece:
        yield piece


def _encoded(record: Json) -> bytes:
    """JSON; NaN is none: say None for what is missing."""
    return json.dumps(record, allow_nan=False, separators=(",", ":")).encode()


def _answer(response: httpx.Response) -> Json:
    if response.status_code == httpx.codes.OK:
        answer: Json = response.json()
        return answer
    message = _described(response)
    if response.status_code == httpx.codes.BAD_REQUEST:
        raise RecordRefused(message, response.json()["detail"])
    raise (_TooLarge if response.status_code == TOO_LARGE else ServiceError)(message)


def _described(response: httpx.Response) -> str:
    try:
        said = response.json()["error"]
    except (ValueError, TypeError, KeyError):  # what stands in front of the service has answers of its own
        said = response.reason_phrase
    return f"{response.status_code} {said} (request {response.headers.get('x-request-id', 'without an id')})"


def _retry_after(response: httpx.Response) -> float:
    """Seconds; a date, which the header may be too, counts as nothing."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else 0.0


def _moved(place: list[str | int], rows: int) -> list[str | int]:
    return [part + rows if isinstance(part, int) else part for part in place]


def main(url: str = "http://localhost:3000") -> None:
    """Predict the example record that the service shows, alone and among others."""
    with ChurnClient(url, os.environ.get("CHURN_PREDICT_TOKEN")) as client:
        record = client.example()
        print(json.dumps(client.predict(record, explain=True), indent=2))
        for prediction in client.predict_many([record | {"request_id": f"row {row}"} for row in range(3)]):
            print(prediction)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:2])
    except ServiceError as error:
        sys.exit(f"client.py: {error}")
