from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator

import pytest

from hairseg.overlap import overlap


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_order(workers: int) -> None:
    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return item * item

    assert list(overlap(work, range(20), workers)) == [item * item for item in range(20)]


def test_workers_work_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=10)
    assert len(list(overlap(lambda _: meeting.wait(), range(6), workers=3))) == 6


@pytest.mark.parametrize("workers", [1, 3])
def test_items_are_read_only_a_little_ahead(workers: int) -> None:
    read = 0

    def items() -> Iterator[int]:
        nonlocal read
        for item in range(1000):
            read = item + 1
            yield item

    for done, _ in enumerate(overlap(lambda item: item, items(), workers), start=1):
        assert read <= done + 2 * workers


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_is_raised_in_its_turn(workers: int) -> None:
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    seen: list[int] = []
    with pytest.raises(ValueError, match="three"):
        seen.extend(overlap(work, range(10), workers))
    assert seen == [0, 1, 2]


def interrupt() -> None:
    """As Ctrl-C does, from any thread."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupt_gives_what_is_in_hand() -> None:
    begun: list[int] = []
    told: list[bool] = []
    seen: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        if item == 5:
            time.sleep(0.05)  # until the caller waits
            interrupt()
        time.sleep(0.1)
        return item

    results = overlap(work, range(100), 3, lambda: told.append(True))
    with pytest.raises(KeyboardInterrupt):
        deque(map(seen.append, results), maxlen=0)
    assert told == [True]
    assert seen == sorted(begun) == list(range(len(begun)))
    assert 6 <= len(seen) <= 9


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_second_interrupt_waits_for_nothing() -> None:
    finish = threading.Event()

    def work(item: int) -> None:
        if item == 0:
            time.sleep(0.05)
            interrupt()
        finish.wait(10)

    with pytest.raises(KeyboardInterrupt):
        list(overlap(work, range(10), 2, threading.Timer(0.2, interrupt).start))
    assert not finish.is_set()
    finish.set()


def test_leaving_early_begins_no_other_item() -> None:
    begun: list[int] = []
    results = overlap(lambda item: begun.append(item) or item, iter(range(100)), 2)
    next(results)
    results.close()
    count = len(begun)
    assert count <= 4
    time.sleep(0.02)
    assert len(begun) == count
