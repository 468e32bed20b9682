"""Work done ahead of its use: a producer in a thread of its own, memory flat."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from queue import Full, Queue
from typing import TypeVar

Item = TypeVar("Item")

# Seconds until a producer looks whether it is still wanted, and until one that waits for a device is left alone.
_LOOK, _LEAVE = 0.05, 1.0


def read_ahead(
    items: Iterable[Item], count: int, stop: Callable[[], object] = lambda: None
) -> Generator[Item, None, None]:
    """The same items, made in a thread while the ones before are used.

    Args:
        items: read by the thread alone; what it raises is raised in the item's turn.
        count: number of items that may wait.
        stop: called when no more of them are wanted, to end a wait for the next one.
    """
    waiting: Queue[Item | _End] = Queue(count)
    unwanted = threading.Event()

    def put(item: Item | _End) -> bool:
        while not unwanted.is_set():
            try:
                waiting.put(item, timeout=_LOOK)
                return True
            except Full:
                continue
        return False

    def produce() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(_End(None))
        except BaseException as error:  # raised again by whoever uses the items
            put(_End(error))

    # A daemon: not every device that gives nothing more can be asked to stop.
    producer = threading.Thread(target=produce, name="hairseg-ahead", daemon=True)
    producer.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        unwanted.set()
        stop()
        producer.join(_LEAVE)


class _End:
    """After the last item: the error that ended them, or None."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
