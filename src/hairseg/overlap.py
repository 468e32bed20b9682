"""Work on several photos at once, results in order, memory flat."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def overlap(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """``work(item)`` for every item, in the items' order.

    Each worker takes one item through all of its stages, so decoding, network and encoding of different
    photos overlap by themselves; the stages release the interpreter's lock.

    Args:
        work: called on worker threads; what it raises is raised in the item's turn.
        items: read lazily, at most ``2 * workers`` ahead of the results.
        workers: number of threads; 1 works in the caller's.
    """
    if workers == 1:
        yield from map(work, items)
        return
    from concurrent.futures import Future, ThreadPoolExecutor

    pool = ThreadPoolExecutor(workers, thread_name_prefix="hairseg")
    running: deque[Future[Result]] = deque()
    try:
        for item in items:
            running.append(pool.submit(work, item))
            if len(running) == 2 * workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        # After an interrupt the photos in hand are finished, and no other one is begun.
        pool.shutdown(cancel_futures=True)
