"""Work on several photos at once, results in order, memory flat."""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
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
            A second interrupt waits for none of them. With it, the first interrupt comes only where results are
            waited for, so that what the caller does with one is done as a whole.
    """
    interrupts = Interrupts()
    with nullcontext() if finishing is None else interrupts.held():
        yield from _overlapped(work, items, workers, finishing, interrupts)


class Interrupts:
    """When Ctrl-C may interrupt: at once, until it is held."""

    def __init__(self) -> None:
        self._count = 0
        self._waiting = False
        self._raised = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """The first one waits until :meth:`allowed`, a second one for nothing.

        Only the main thread gets interrupts, and whoever has set a handler keeps it.
        """
        here = threading.current_thread() is threading.main_thread()
        if not here or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return
        signal.signal(signal.SIGINT, self._came)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Where the first one is raised, if it came before or comes meanwhile."""
        self._waiting = True
        try:
            if self._count and not self._raised:
                self._raised = True
                raise KeyboardInterrupt
            yield
        finally:
            self._waiting = False

    def _came(self, *_: object) -> None:
        self._count += 1
        if self._waiting or self._count > 1:
            self._raised = True
            raise KeyboardInterrupt


def _overlapped(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    finishing: Callable[[], None] | None,
    interrupts: Interrupts,
) -> Iterator[Result]:
    if workers == 1:
        for item in items:
            with interrupts.allowed():
                result = work(item)
            yield result
        return
    from concurrent.futures import Future, ThreadPoolExecutor

    pool = ThreadPoolExecutor(workers, thread_name_prefix="hairseg")
    running: deque[Future[Result]] = deque()
    patient = True

    def first() -> Result:
        with interrupts.allowed():
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
