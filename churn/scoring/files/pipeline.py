"""Bounded parallel map: results in order, a few of them at a time."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

AHEAD = 2
"""Items that wait for a thread, or for being taken, beside those at work."""


def in_order[Item, Result](
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Generator[tuple[Item, Result]]:
    """Each item with its result, in order. With one thread nothing runs beside the caller.

    Args:
        function: safe to call from several threads; it takes effect where it lets go of Python's lock.
        items: taken by the caller's thread, at most `threads` + `AHEAD` before the result that is yielded.
        threads: how many call it at once.

    """
    if threads == 1:
        for item in items:
            yield item, function(item)
        return
    pool = ThreadPoolExecutor(threads)
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(function, item)))
            if len(waiting) > threads + AHEAD:
                first, result = waiting.popleft()
                yield first, result.result()
        while waiting:
            first, result = waiting.popleft()
            yield first, result.result()
    finally:
        pool.shutdown(cancel_futures=True)
