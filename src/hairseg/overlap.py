"""Work on several photos at once, results in order, memory flat."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def overlap(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    finishing: Callable[[], None] | None = None,
) -> Iterator[Result]:
    """``work(item)`` for every item, in the items' order.

    Each worker takes one item through all of its stages, so decoding, network and encoding of different
    photos overlap by themselves; the stages release the interpreter's lock.

    Args:
        work: called on worker threads; what it raises is raised in the item's turn.
        items: read lazily, at most ``2 * workers`` ahead of the results.
        workers: number of threads; 1 works in the caller's.
        finishing: called at an interrupt; then the results of the items in hand are given before it is raised.
            A second interrupt waits for none of them.
    """
    if workers == 1:
        yield from map(work, items)
        return
    from concurrent.futures import Future, ThreadPoolExecutor

    pool = ThreadPoolExecutor(workers, thread_name_prefix="hairseg")
    running: deque[Future[Result]] = deque()
    patient = True

    def first() -> Result:
        result = running[0].result()
        running.popleft()  # not before: an interrupt of the wait would lose it
        return result

    try:
        for item in items:
            running.append(pool.submit(work, item))
            if len(running) == 2 * workers:
                yield first()
        while running:
            yield first()
    except KeyboardInterrupt:
        if finishing is not None:
            patient = False
            finishing()
            pool.shutdown(wait=False, cancel_futures=True)
            while running and not running[0].cancelled():  # in their order, as they were begun
                yield first()
        raise
    finally:
        # Whatever ends the results, the items in hand are finished, and no other one is begun.
        pool.shutdown(wait=patient, cancel_futures=True)
