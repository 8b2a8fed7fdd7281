"""Work spread over threads, its results in order, with a bounded number under way.

Threads suffice: decoding, hashing, resizing and matrix products all release Python's lock.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def n_workers(asked: int = 0) -> int:
    """Resolve a number of workers: 0 takes as many as this process may use cores."""
    if asked:
        return asked
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered_map(work: Callable[[In], Out], items: Iterable[In], workers: int, ahead: int = 4) -> Iterator[Out]:
    """Apply ``work`` to items in ``workers`` threads and give the results in the items' order.

    Items are taken, and results held, at most ``workers * ahead`` at a time, so that memory stays bounded however
    many items there are. An exception of ``work`` is raised in its place in the order; leaving the loop early lets
    the items under way finish and starts no more.

    >>> list(ordered_map(abs, [-2, 1, -3], workers=2))
    [2, 1, 3]
    """
    source = iter(items)
    pending: deque[Future[Out]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="posterity")
    try:
        pending.extend(pool.submit(work, item) for item in islice(source, workers * ahead))
        while pending:
            result = pending.popleft().result()
            pending.extend(pool.submit(work, item) for item in islice(source, 1))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def chunked(items: Iterable[In], size: int) -> Iterator[list[In]]:
    """Cut items into lists of ``size``, the last one shorter.

    >>> list(chunked("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk
