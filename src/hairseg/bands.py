"""Parts of one image, worked on side by side by threads that end with the work."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread


def side_by_side(work: Callable[[int, int], None], count: int, threads: int) -> None:
    """``work(first, last)`` over ``range(count)``, cut into one stretch a thread.

    Threads of the moment instead of a pool: they cost a hundredth of what they save, and nothing is left that a fork
    or the interpreter's end would have to think of.

    Args:
        work: is given each stretch once, in any order; it must release the interpreter's lock to gain anything.
        count: rows or columns.
        threads: 1 works in the caller's.

    Raises:
        BaseException: the first that ``work`` raised, after all stretches have ended.
    """
    parts = max(1, min(threads, count))
    edges = [count * number // parts for number in range(parts + 1)]
    raised: list[BaseException] = []

    def stretch(number: int) -> None:
        try:
            work(edges[number], edges[number + 1])
        except BaseException as error:  # a thread's error would otherwise be printed and lost
            raised.append(error)

    others = [Thread(target=stretch, args=(number,), name="hairseg-band") for number in range(1, parts)]
    for thread in others:
        thread.start()
    stretch(0)
    for thread in others:
        thread.join()
    if raised:
        raise raised[0]
