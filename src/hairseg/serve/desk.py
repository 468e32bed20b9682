"""A few worker threads behind a bounded queue: more than fits is refused at once, nothing waits for ever.

A photo takes its place when it has arrived, so that clients who stall do not keep others out.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from hairseg.serve.problem import Refused

Given = TypeVar("Given")
Result = TypeVar("Result")

# How much the newest request counts in the mean that Retry-After is computed from.
_NEWEST = 0.1


class Desk:
    """Takes requests in, a few at a time.

    Args:
        workers: threads; each takes one request through all of its stages.
        waiting: photos that may wait beside those in work.
        seconds: until a request is given up: so many for reading its body, and so many for the work.

    Attributes:
        inside: photos that are waiting or in work.
    """

    def __init__(self, workers: int, waiting: int, seconds: float) -> None:
        self.workers = workers
        self.places = workers + waiting
        self.seconds = seconds
        self.inside = 0
        self._mean = 0.2
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="hairseg-serve")

    async def serve(self, read: Callable[[], Awaitable[Given]], work: Callable[[Given], Result]) -> Result:
        """``work(await read())``, the work on a worker thread.

        Raises:
            Refused: 503, all places are taken or the work took too long; 408, the reading did.
        """
        self._check()  # before the photo is sent for nothing
        try:
            async with asyncio.timeout(self.seconds):
                given = await read()
        except TimeoutError:
            raise Refused(408, f"the photo did not arrive within {self.seconds:g} seconds") from None
        self._enter()
        future: Future[Result] | None = None
        try:
            async with asyncio.timeout(self.seconds):
                future = self._pool.submit(self._timed, work, given)
                return await asyncio.wrap_future(future)
        except TimeoutError:
            detail = (
                f"this took longer than {self.seconds:g} seconds: try again later or send a smaller photo"
            )
            raise Refused(503, detail, self._wait()) from None
        finally:
            # A thread cannot be stopped: its place stays taken until the work has really ended.
            if future is None:
                self._leave()
            else:
                future.add_done_callback(lambda _: self._leave())

    def close(self) -> None:
        """Finish what is in work, drop what waits."""
        self._pool.shutdown(cancel_futures=True)

    def _enter(self) -> None:
        with self._lock:
            full = self.inside >= self.places
            self.inside += not full
        if full:
            raise self._full()

    def _check(self) -> None:
        if self.inside >= self.places:
            raise self._full()

    def _full(self) -> Refused:
        return Refused(503, f"{self.places} photos are in work or wait already: try again", self._wait())

    def _leave(self) -> None:
        with self._lock:
            self.inside -= 1

    def _timed(self, work: Callable[[Given], Result], given: Given) -> Result:
        start = time.perf_counter()
        try:
            return work(given)
        finally:
            with self._lock:
                self._mean += (time.perf_counter() - start - self._mean) * _NEWEST

    def _wait(self) -> int:
        """Whole seconds until those inside are probably done."""
        return max(1, math.ceil(self._mean * self.inside / self.workers))
