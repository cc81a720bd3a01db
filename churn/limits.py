"""The limits that the service holds its clients to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LimitSettings:
    """What the service takes from its clients; docs/operations.md argues each default.

    Attributes:
        body_bytes: of one customer's body.
        batch_bytes: of a batch's body.
        pending_bytes: of all bodies that a worker holds at once.
        header_bytes: of a request's head.
        concurrency: requests that a worker works on at once, those whose body is still coming not counted.
        connections: that a worker keeps open.
        request_seconds: in which a request must arrive whole, and then its answer be taken.

    """

    body_bytes: int = 64 * 2**10
    batch_bytes: int = 8 * 2**20
    pending_bytes: int = 32 * 2**20
    header_bytes: int = 16 * 2**10
    concurrency: int = 512
    connections: int = 4096
    request_seconds: float = 10.0
